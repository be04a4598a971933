import { once } from 'node:events';
import {
  createPacketOffload,
  IpAddress,
  OFFLOAD,
  type Stack,
  type PacketOffload,
  type Socket,
  type TcpSocket,
} from '@litz/netstack';
import { decodeVnetHeader, VNET_HEADER_LENGTH, type VnetHeader } from '@litz/tun/offload';
import { describe, expect, test, vi } from 'vitest';
import { StackTun } from '../../src/index.ts';
import { joinByDevices, LinkedHost, receivePattern, sendPattern } from './linked-hosts.ts';

describe('StackTun, between two devices', () => {
  test.each([
    [4, '10.0.0.2'],
    [6, 'fd00::2'],
  ])('carries TCP streams of IPv%i in both directions', async (_, address) => {
    await using a = new LinkedHost(1);
    await using b = new LinkedHost(2);
    await joinByDevices(a, b);
    const client = a.stack.connectTcp(address, 80);
    const server = await b.accept(80);
    const [up, down] = await Promise.all([
      receivePattern(b, server),
      receivePattern(a, client),
      sendPattern(a, client, 5_000_000),
      sendPattern(b, server, 3_000_000),
    ]);
    expect([up, down]).toEqual([5_000_000, 3_000_000]);
  });

  test('carries datagrams and echo requests, also in fragments', async () => {
    await using a = new LinkedHost(1);
    await using b = new LinkedHost(2);
    await joinByDevices(a, b);
    const server = b.stack.openUdp({ port: 53 });
    const client = a.stack.openUdp();
    const ping = a.stack.openEcho();
    const data = new Uint8Array(3000);
    for (const address of ['10.0.0.2', 'fd00::2']) {
      client.sendTo(Uint8Array.of(1, 2, 3), address, 53);
      const got = b.when(server, () => found(server.receive(data)));
      a.tun.wake();
      expect(await got).toBe(3);
      ping.send(address, 7, new Uint8Array(2000));
      expect(await a.when(ping, () => found(ping.receive(data)))).toBe(2000);
      expect(ping.origin.address.toString()).toBe(address);
    }
  });

  test('makes open connections send packets of the new length when the MTU changes', async () => {
    await using a = new LinkedHost(1);
    await using b = new LinkedHost(2);
    await joinByDevices(a, b);
    const client = a.stack.connectTcp('10.0.0.2', 80);
    const server = await b.accept(80);
    const changed = once(a.device!, 'mtu');
    a.tun.setMtu(1300);
    expect(await changed).toEqual([{ mtu: 1300 }]);
    const longest = longestPacket(b);
    await Promise.all([receivePattern(b, server), sendPattern(a, client, 300_000)]);
    expect(longest()).toBe(1300);
  });

  test('limits super-packets to the segments that fit into one send call with GSO', () => {
    const { stack, tun } = new LinkedHost(1);
    expect(stack.segmentLimit).toBe(Math.floor(65_535 / 1452));
    tun.setMtu(9000);
    expect(stack.segmentLimit).toBe(7);
    tun.setMtu(65_535);
    expect(stack.segmentLimit).toBe(1);
  });

  test('fails all sockets with one error when the device is closed', async () => {
    await using a = new LinkedHost(1);
    await using b = new LinkedHost(2);
    await joinByDevices(a, b);
    const client = a.stack.connectTcp('10.0.0.2', 80);
    await b.accept(80);
    await a.when(client, () => client.isConnected || undefined);
    const [listener, udp, echo] = [a.stack.listenTcp(), a.stack.openUdp(), a.stack.openEcho()];
    const ended = [listener, client].map((socket) => a.when(socket, () => socket.error));
    ended.push(...[udp, echo].map((socket) => a.when(socket, () => socket.takeError())));
    await a.device!.close();
    const errors = await Promise.all(ended);
    expect(errors[0]).toMatchObject({
      code: 'ENETDOWN',
      message: 'ENETDOWN: the device netstack was closed',
    });
    expect(new Set(errors).size).toBe(1);
    expect(() => a.stack.openUdp()).toThrow(errors[0]);
    expect(() => client.send(Uint8Array.of(1))).toThrow(errors[0]);
  });
});

describe('StackTun', () => {
  test('refuses wrong options', () => {
    const { stack } = new LinkedHost(1);
    expect(() => new StackTun({ stack: {} as Stack, onSocket: () => {} })).toThrow(/"stack"/);
    expect(() => new StackTun({ stack, onSocket: 5 as never })).toThrow(/"onSocket"/);
    expect(() => new StackTun({ stack, onSocket: () => {}, mtu: 5 } as never)).toThrow(/mtu/);
    expect(() => new StackTun({ stack, onSocket: () => {} }).setMtu(100)).toThrow(/"mtu"/);
  });

  test('returns super-packets with the vnet header of the kernel, and accepts them', async () => {
    const { a, b, client, server } = await connected();
    const total = client.send(new Uint8Array(14_000));
    const length = a.tun.read(buffer, 5, buffer.length - 5);
    expect(length).toBeGreaterThan(5000);
    const header: VnetHeader = createPacketOffload();
    decodeVnetHeader(buffer, 5, header);
    expect(header).toEqual({
      flags: OFFLOAD.NEEDS_CHECKSUM,
      gsoType: OFFLOAD.TCPV4,
      headerLength: 52,
      gsoSize: 1368,
      checksumStart: 20,
      checksumOffset: 16,
    } satisfies PacketOffload);
    expect(b.tun.write(buffer, 5, length)).toBe(length);
    carry(a, b);
    expect(server.readable).toBe(total);
  });

  test('writes no more than the given length', async () => {
    const { a, client } = await connected();
    client.send(new Uint8Array(14_000));
    const marked = new Uint8Array(10_000).fill(0xee);
    expect(a.tun.read(marked, 100, 3000)).toBeLessThanOrEqual(3000);
    expect(marked.subarray(0, 100).every((byte) => byte === 0xee)).toBe(true);
    expect(marked.subarray(3100).every((byte) => byte === 0xee)).toBe(true);
  });

  test('returns from read and write the values that the device expects of a TUN', () => {
    const { tun } = new LinkedHost(1);
    expect(tun.read(buffer, 0, buffer.length)).toBe(0);
    expect(tun.write(buffer, 0, VNET_HEADER_LENGTH)).toBe(-22);
    tun.onReadable = vi.fn();
    tun.close();
    tun.close();
    expect(tun.onReadable).toHaveBeenCalledTimes(1);
    expect(tun.read(buffer, 0, buffer.length)).toBe(-1);
    expect(tun.write(buffer, 0, 50)).toBe(-5);
  });

  test('wakes the device and reports each socket once, after the turn', async () => {
    const { a, b, client, server } = await connected();
    const changes: Socket[] = [];
    b.on(server, () => changes.push(server));
    a.tun.onReadable = vi.fn();
    b.tun.onReadable = vi.fn();
    for (let i = 0; i < 3; i++) {
      client.noDelay = true;
      client.send(Uint8Array.of(i));
      a.tun.wake();
      carryOne(a, b);
    }
    expect(changes).toEqual([]);
    await nextTick();
    expect(changes).toEqual([server]);
    expect(a.tun.onReadable).toHaveBeenCalledTimes(1);
    // The stack may have an acknowledgement to send.
    expect(b.tun.onReadable).toHaveBeenCalledTimes(1);
    carry(a, b);
    await nextTick();
    expect(b.tun.onReadable).toHaveBeenCalledTimes(1);
  });

  test('reports the other sockets if a listener throws', async () => {
    const host = new LinkedHost(1);
    const { stack, tun } = host;
    const [first, second] = [stack.openUdp(), stack.openUdp()];
    const reported = vi.fn();
    host.on(first, () => {
      throw new Error('of the listener');
    });
    host.on(second, reported);
    const uncaught = new Promise((resolve) => {
      const others = process.listeners('uncaughtException');
      process.removeAllListeners('uncaughtException');
      process.once('uncaughtException', (error) => {
        for (const other of others) process.on('uncaughtException', other);
        resolve(error);
      });
    });
    tun.close();
    expect(await uncaught).toMatchObject({ message: 'of the listener' });
    await nextTick();
    expect(reported).toHaveBeenCalledTimes(1);
  });

  test('does what is due at the deadline of the stack, but nothing after the TUN was closed', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      let now = 1000.25;
      const host = new LinkedHost(1, {}, () => now);
      host.stack.connectTcp('10.0.0.2', 80);
      host.tun.wake();
      expect(host.tun.read(buffer, 0, buffer.length)).toBeGreaterThan(0);
      expect(host.tun.read(buffer, 0, buffer.length)).toBe(0);
      await nextTick();
      const ms = Math.ceil(host.stack.pollTimeout() - now);
      now += ms - 1;
      vi.advanceTimersByTime(ms - 1);
      await nextTick();
      expect(host.tun.read(buffer, 0, buffer.length)).toBe(0);
      now += 1;
      host.tun.onReadable = vi.fn();
      vi.advanceTimersByTime(1);
      await nextTick();
      expect(host.tun.onReadable).toHaveBeenCalledTimes(1);
      expect(host.tun.read(buffer, 0, buffer.length)).toBeGreaterThan(0);
      await nextTick();
      host.tun.close();
      await nextTick();
      host.tun.onReadable = vi.fn();
      vi.advanceTimersByTime(3_600_000);
      await nextTick();
      expect(host.tun.onReadable).not.toHaveBeenCalled();
    } finally {
      vi.useRealTimers();
    }
  });

  test('allocates a view for each copy of a super-packet, and nothing per segment', async () => {
    const { a, b, client, server } = await connected();
    const data = new Uint8Array(65_536);
    const carryMegabytes = (count: number): number => {
      let received = 0;
      while (received < count * 1e6) {
        client.send(data);
        carry(a, b);
        received += server.receive(data);
      }
      return received / 1368;
    };
    const grown: number[] = [];
    for (let i = 0; i < 40; i++) {
      const before = process.memoryUsage().heapUsed;
      const segments = carryMegabytes(4);
      grown.push((process.memoryUsage().heapUsed - before) / segments);
      await nextTick();
    }
    // A garbage collection makes a value negative. Code that V8 compiles meanwhile makes it larger.
    const values = grown.slice(20).filter((value) => value > 0);
    const lowerQuartile = values.sort((x, y) => x - y)[values.length >> 2];
    expect(lowerQuartile).toBeLessThan(MOST_BYTES_PER_SEGMENT);
  });
});

/** Two hosts with a connection between them, and no device: `carry` is the link. */
async function connected() {
  const [a, b] = [new LinkedHost(1), new LinkedHost(2)];
  const listener = b.stack.listenTcp({ port: 80 });
  const client = a.stack.connectTcp(IpAddress.from('10.0.0.2'), 80);
  carry(a, b);
  const server: TcpSocket = listener.accept()!;
  await nextTick();
  return { a, b, client, server };
}

/** Carries packets in both directions until none is left. */
function carry(a: LinkedHost, b: LinkedHost): void {
  while (carryOne(a, b) || carryOne(b, a));
}

function carryOne(from: LinkedHost, to: LinkedHost): boolean {
  const length = from.tun.read(buffer, 0, buffer.length);
  return length > 0 && to.tun.write(buffer, 0, length) > 0;
}

/**
 * Watches the packets that the host receives. The returned function returns the length of the
 * longest segment so far.
 */
function longestPacket({ tun }: LinkedHost): () => number {
  let longest = 0;
  const write = tun.write.bind(tun);
  const header: VnetHeader = createPacketOffload();
  tun.write = (bytes, offset, length) => {
    decodeVnetHeader(bytes, offset, header);
    const one =
      header.gsoType === 0 ? length - VNET_HEADER_LENGTH : header.headerLength + header.gsoSize;
    longest = Math.max(longest, one);
    return write(bytes, offset, length);
  };
  return () => longest;
}

function found(length: number): number | undefined {
  return length === -1 ? undefined : length;
}

function nextTick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const buffer = new Uint8Array(10 + 65_536);
/** The limit. Each super-packet of 45 segments is copied four times, and each copy makes a view. */
const MOST_BYTES_PER_SEGMENT = 32;
