import { describeWith } from '@litz/testkit';
import type { TcpSocket } from '../../src/index.ts';
import { describe, expect, test } from 'vitest';
import { rawPacket, withChecksum } from '../raw-packets.ts';
import { accepted, connect, createFixture, drain, fill, transfer, type Ends } from './fixture.ts';
import type { StackHost } from './hosts.ts';
import { OPTION, type KernelStream } from './kernel-socket.ts';
import type { Program } from './network.ts';
import { tunDevices } from './requirements.ts';
import { StackStream, type Stream } from './stream.ts';
import { Receiver, Sender } from './transfer.ts';

const BOTH = ['stack', 'kernel'] as const;

describeWith([tunDevices], 'between a stack and the kernel of Linux,', () => {
  test.each(BOTH)('1000 connections carry data at once, begun by the %s', async (by) => {
    const { network, stack, kernel } = createFixture({}, { loss: 0.01 });
    const [from, to] = by === 'stack' ? [stack, kernel] : [kernel, stack];
    const accept = by === 'stack' ? kernel.listen(80) : stackListener(stack, 1000);
    const senders: Sender[] = [];
    const receivers: Receiver[] = [];
    for (let i = 0; i < 1000; i++)
      senders.push(new Sender(from.connect(to.addresses[4], 80), 3000));
    network.programs.push(...senders, {
      step(): boolean {
        let stream: Stream | undefined;
        while ((stream = accept())) {
          const receiver = new Receiver(stream);
          receivers.push(receiver);
          network.programs.push(receiver);
        }
        return false;
      },
    });
    await network.run(
      () => receivers.length === 1000 && receivers.every(({ isOver }) => isOver),
      60_000,
    );
    expect(receivers.every(({ received }) => received === 3000)).toBe(true);
    expect(new Set(receivers.map((receiver) => receiver.digest()))).toEqual(
      new Set([senders[0].digest()]),
    );
  });

  test.each(BOTH)('the %s ends its stream, and still receives', async (by) => {
    const fixture = createFixture();
    const ends = await connect(fixture, by);
    const other = by === 'stack' ? ends.kernel : ends.stack;
    ends[by].end();
    await fixture.network.run(() => drain(other) === 0 && other.isEnded);
    await transfer(fixture.network, other, ends[by], 300_000);
    await fixture.network.run(() => ends.stack.socket.state !== 'close-wait');
    expect(ends.stack.socket.error).toBeUndefined();
  });

  test('both sides end their streams at once', async () => {
    const fixture = createFixture();
    const { stack, kernel } = await connect(fixture);
    stack.end();
    kernel.end();
    await fixture.network.run(() => stack.socket.state === 'time-wait');
    expect(kernel.error).toBeUndefined();
  });

  test('a closed port refuses connections, in both directions', async () => {
    const { network, stack, kernel } = createFixture();
    const streams = [
      stack.connect(kernel.addresses[4], 81),
      kernel.connect(stack.addresses[6], 81),
    ];
    await network.run(() => streams.every(({ error }) => error !== undefined));
    expect(streams.map(({ error }) => error)).toEqual(['ECONNREFUSED', 'ECONNREFUSED']);
  });

  test.each(BOTH)('the %s waits while the program at the other end does not read', async (by) => {
    const fixture = createFixture();
    const { network } = fixture;
    const ends = await connect(fixture, by);
    const other = by === 'stack' ? ends.kernel : ends.stack;
    const sender = new Sender(ends[by], 20_000_000);
    network.programs.push(sender);
    // The window closes and is probed.
    await network.pass(1500);
    const { sent } = sender;
    expect(sent).toBeLessThan(20_000_000);
    await network.pass(500);
    expect(sender.sent).toBe(sent);
    const receiver = new Receiver(other);
    network.programs.push(receiver);
    await network.run(() => receiver.isOver);
    expect([receiver.received, receiver.digest()]).toEqual([20_000_000, sender.digest()]);
  });

  test('the kernel sends no tiny segments to a program that reads 100 bytes at a time', async () => {
    const fixture = createFixture({ connections: { receiveBuffer: 8192 } });
    const { network } = fixture;
    const { stack, kernel } = await connect(fixture);
    let [segments, bytes] = [0, 0];
    network.onArrival = (to, packet): void => {
      const data = packet.length - 20 - (packet[32] >>> 4) * 4;
      if (to !== 0 || data === 0) return;
      segments++;
      bytes += data;
    };
    network.programs.push(new Sender(kernel, 60_000));
    const byte = new Uint8Array(100);
    let read = 0;
    await network.run(() => {
      read += stack.read(byte, 0, 100);
      return read === 60_000;
    });
    expect(bytes / segments).toBeGreaterThan(600);
  });

  test('keepalive keeps a live connection, and ends a dead one', async () => {
    const fixture = createFixture({
      connections: { keepAlive: 200 },
      sockets: [
        OPTION.keepAlive(),
        OPTION.keepAliveIdle(1),
        OPTION.keepAliveInterval(1),
        OPTION.keepAliveCount(2),
      ],
    });
    const { network } = fixture;
    const { stack, kernel } = await connect(fixture);
    await network.pass(3000);
    expect([stack.isConnected, kernel.isConnected]).toEqual([true, true]);
    network.path.options = { loss: 1 };
    await network.run(() => stack.error !== undefined && kernel.error !== undefined, 20_000);
    expect([stack.error, kernel.error]).toEqual(['ETIMEDOUT', 'ETIMEDOUT']);
  });

  describe('during TIME-WAIT', () => {
    test('the kernel uses the port again while the stack is in TIME-WAIT', async () => {
      const { network, stack, kernel } = createFixture();
      const accept = stack.listen(80);
      for (let i = 0; i < 3; i++) {
        const near = kernel.connect(stack.addresses[4], 80, 5000);
        const far = await accepted(network, accept);
        far.end();
        await network.run(() => drain(near) === 0 && near.isEnded);
        near.close();
        await network.run(() => far.socket.state === 'time-wait');
        expect([near.error, far.error]).toEqual([undefined, undefined]);
        // The last ACK arrives.
        await network.pass(20);
      }
    });

    test('the stack uses the port again after a second while it is itself in TIME-WAIT', async () => {
      const fixture = createFixture();
      const { network, stack, kernel } = fixture;
      const accept = kernel.listen(80);
      for (let i = 0; i < 3; i++) {
        const near = stack.connect(kernel.addresses[4], 80, { localPort: 5000 });
        const far = await accepted(network, accept);
        // The connection uses more sequence numbers than the clock of the initial sequence numbers
        // counts meanwhile. By the clock alone, the next connection would begin too low.
        await transfer(network, near, far, 2_000_000);
        network.programs.length = 0;
        near.end();
        await network.run(() => drain(far) === 0 && far.isEnded);
        far.close();
        await network.run(() => near.socket.state === 'time-wait');
        expect(near.error).toBeUndefined();
        await network.pass(1000);
      }
    });

    test('new connections of the stack use a port again only after all other ports', async () => {
      const { network, stack, kernel } = createFixture();
      const accept = kernel.listen(80);
      const seen = new Set<number>();
      // Listeners take all ports but the multiples of 1000. So 64 ports are left for connections.
      for (let port = 1024; port < 65_536; port++) if (port % 1000 !== 0) stack.listener(port);
      for (let i = 0; i < 130; i++) {
        if (seen.size === 64) {
          await network.pass(1000);
          seen.clear();
        }
        const near = stack.connect(kernel.addresses[4], 80);
        expect(seen).not.toContain(near.socket.localPort);
        seen.add(near.socket.localPort);
        const far = await accepted(network, accept);
        near.end();
        await network.run(() => drain(far) === 0 && far.isEnded);
        far.close();
        await network.run(() => near.socket.state === 'time-wait');
        expect(near.error).toBeUndefined();
      }
    });

    test('the stack uses the port again while the kernel is in TIME-WAIT', async () => {
      const { network, stack, kernel } = createFixture();
      const accept = kernel.listen(80);
      for (let i = 0; i < 3; i++) {
        const near = stack.connect(kernel.addresses[4], 80, { localPort: 5000 });
        const far = await accepted(network, accept);
        far.end();
        await network.run(() => near.isEnded);
        near.close();
        await network.run(() => near.socket.state === 'closed');
        expect(near.error).toBeUndefined();
      }
    });
  });

  describe('a RST of the kernel', () => {
    test.each<[state: string, bring: (ends: Ends) => void]>([
      ['established', () => {}],
      ['fin-wait-1', ({ stack }) => stack.end()],
      ['fin-wait-2', ({ stack }) => stack.end()],
      ['close-wait', ({ kernel }) => kernel.end()],
      ['closing', endBoth],
      ['last-ack', endBoth],
    ])('ends the state %s of the stack', async (state, bring) => {
      const fixture = createFixture();
      const { network } = fixture;
      const ends = await connect(fixture);
      // While the window of the kernel is closed, the FIN waits behind data.
      if (WAITING.has(state)) await network.run(() => fill(ends.stack) === 0 && isFull(ends));
      if (state === 'last-ack') ends.kernel.end();
      if (state === 'last-ack') await network.run(() => ends.stack.socket.state === 'close-wait');
      bring(ends);
      await network.run(() => ends.stack.socket.state === state);
      ends.kernel.abort();
      await network.run(() => ends.stack.socket.state === 'closed');
      expect(ends.stack.error).toBe('ECONNRESET');
    });
  });

  describe('a RST of the stack', () => {
    test.each<[state: string, number: number, bring: (ends: Ends) => void]>([
      ['ESTABLISHED', 1, () => {}],
      ['FIN-WAIT-2', 5, ({ kernel }) => kernel.end()],
      ['CLOSE-WAIT', 8, ({ stack }) => stack.end()],
      ['FIN-WAIT-1', 4, ({ kernel }) => void fill(kernel)],
    ])('ends the state %s of the kernel', async (_, number, bring) => {
      const fixture = createFixture();
      const { network } = fixture;
      const ends = await connect(fixture);
      bring(ends);
      if (number === 4) {
        await network.run(() => fill(ends.kernel) === 0 && ends.stack.socket.readable > 100_000);
        await network.pass(300);
        fill(ends.kernel);
        ends.kernel.end();
      }
      await network.run(() => ends.kernel.state === number);
      ends.stack.abort();
      await network.run(() => ends.kernel.state === CLOSED);
      // In CLOSE-WAIT nobody reads any more, so the error is EPIPE (tcp_reset of Linux).
      expect(ends.kernel.error).toMatch(/ECONNRESET|EPIPE/);
    });
  });

  test('a full backlog of the stack makes the kernel wait, and all connections are accepted', async () => {
    const { network, stack, kernel } = createFixture();
    const listener = stack.listener(80, { backlog: 4 });
    const streams = Array.from({ length: 10 }, () => kernel.connect(stack.addresses[4], 80));
    // Some were answered with SYN cookies. Only data shows the stack that such a connection exists.
    for (const stream of streams) network.programs.push(new Sender(stream, 10));
    await network.pass(300);
    expect(listener.waiting).toBeLessThanOrEqual(4);
    const sockets = new Set<unknown>();
    await network.run(() => {
      const socket = listener.accept();
      if (socket) sockets.add(socket);
      return sockets.size === 10;
    });
    expect(streams.map(({ error }) => error).filter(Boolean)).toEqual([]);
  });

  test('the kernel can connect to a listener of the stack during a flood of SYNs', async () => {
    const { network, stack, kernel } = createFixture();
    const listener = stack.listener(80, { backlog: 4 });
    const flood: Program = {
      step(): boolean {
        const { now } = network;
        for (let i = 0; i < 20; i++) {
          const payload = synFrom(Math.floor(network.path.random() * 60_000));
          const packet = rawPacket({ version: 4, protocol: 6, payload, source: '10.0.0.77' });
          stack.stack.handlePacket(packet, 0, packet.length, now);
        }
        return false;
      },
    };
    network.programs.push(flood);
    await network.pass(100);
    for (let i = 0; i < 5; i++) {
      const near = kernel.connect(stack.addresses[4], 80);
      let socket: TcpSocket | undefined;
      await network.run(() => (socket ??= listener.accept()) !== undefined, 5000);
      const far = new StackStream(socket!);
      await transfer(network, near, far, 100_000);
      await transfer(network, far, near, 100_000);
      expect(far.socket.error).toBeUndefined();
    }
  });

  test('a full backlog of the kernel makes the stack wait, and all connections are accepted', async () => {
    const { network, stack, kernel } = createFixture();
    const accept = kernel.listen(80, 3);
    const streams = Array.from({ length: 10 }, () => stack.connect(kernel.addresses[4], 80));
    // The kernel has answered with SYN cookies. Only data shows the kernel that such a connection
    // exists.
    for (const stream of streams) network.programs.push(new Sender(stream, 10));
    await network.pass(300);
    const all: KernelStream[] = [];
    await network.run(() => {
      const stream = accept();
      if (stream) all.push(stream);
      return all.length === 10;
    });
    expect(streams.map(({ error }) => error).filter(Boolean)).toEqual([]);
  });
});

/** A SYN for port 80 from a host that does not answer. */
function synFrom(port: number): Uint8Array {
  const header = new Uint8Array(20);
  const view = new DataView(header.buffer);
  view.setUint16(0, port);
  view.setUint16(2, 80);
  [header[12], header[13]] = [0x50, 2];
  return withChecksum(header, 16, 6, { version: 4, source: '10.0.0.77' });
}

/** States of the stack in which its FIN waits behind data. */
const WAITING = new Set(['fin-wait-1', 'closing', 'last-ack']);

function endBoth({ stack, kernel }: Ends): void {
  stack.end();
  kernel.end();
}

/** Whether the send buffer of the stack is full, because nobody reads in the kernel. */
function isFull({ stack }: Ends): boolean {
  return stack.socket.writable === 0;
}

function stackListener(host: StackHost, backlog: number): () => Stream | undefined {
  const listener = host.listener(80, { backlog });
  return () => {
    const socket = listener.accept();
    return socket ? new StackStream(socket) : undefined;
  };
}
const CLOSED = 7;
