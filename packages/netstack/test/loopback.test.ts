import { describe, expect, test } from 'vitest';
import { createPacketOffload, type Stack } from '../src/index.ts';
import { createStack, OURS, pattern } from './raw-packets.ts';

/** Polls the stack. All packets are for the stack itself, so none may leave it. */
function turn(stack: Stack, now = 1000, isOffload = false): void {
  const offload = isOffload ? createPacketOffload() : undefined;
  expect(stack.pollPacket(PACKET, 0, now, offload)).toBe(0);
}

const PACKET = new Uint8Array(66_000);

describe('a stack that sends to its own addresses', () => {
  test.each([
    [4, false],
    [6, true],
  ] as const)('connects by TCP (IPv%i, super-packets: %s)', (version, isOffload) => {
    const stack = createStack();
    const listener = stack.listenTcp({ port: 80 });
    const near = stack.connectTcp(OURS[version], 80);
    turn(stack, 1000, isOffload);
    const far = listener.accept()!;
    expect([near.state, far.remoteAddress.toString()]).toEqual(['established', OURS[version]]);
    const data = pattern(100_000);
    expect(near.send(data)).toBe(100_000);
    near.shutdown();
    turn(stack, 1001, isOffload);
    const received = new Uint8Array(100_000);
    expect(far.receive(received)).toBe(100_000);
    expect([received, far.isEnded]).toEqual([data, true]);
    far.close();
    turn(stack, 1002, isOffload);
    expect([near.state, far.state]).toEqual(['time-wait', 'closed']);
    expect(stack.drops.toJSON()).toEqual({});
  });

  test('reports that a port is closed', () => {
    const stack = createStack();
    const socket = stack.connectTcp(OURS[4], 81);
    turn(stack);
    expect(socket.error?.code).toBe('ECONNREFUSED');
    const udp = stack.openUdp();
    udp.connect(OURS[6], 82);
    udp.send(pattern(10));
    turn(stack);
    expect(udp.takeError()?.code).toBe('ECONNREFUSED');
  });

  test('leaves memory for a connection whose program reads, while the programs of many others do not read', () => {
    const stack = createStack({ memory: 2 ** 20 });
    const listener = stack.listenTcp({ port: 80 });
    let now = 1000;
    const ends = Array.from({ length: 9 }, () => {
      const near = stack.connectTcp(OURS[4], 80);
      turn(stack, now++);
      return { near, far: listener.accept()! };
    });
    const { near, far } = ends.pop()!;
    // The buffers of both ends are filled, because nobody reads.
    const filling = pattern(50_000);
    for (let count = 1; count > 0; now += 300) {
      count = 0;
      for (const end of ends) count += end.near.writable > 0 ? end.near.send(filling) : 0;
      stack.handleTimeout(now);
      turn(stack, now);
    }
    expect(stack.memoryInUse).toBeGreaterThan(2 ** 19);
    expect(ends.every((end) => end.near.unacknowledged > 0 && end.far.readable > 0)).toBe(true);
    const data = pattern(200_000);
    const received = new Uint8Array(data.length);
    let [sent, count] = [0, 0];
    const began = now;
    for (; count < data.length && now < began + 5000; now++) {
      if (sent < data.length) sent += near.send(data, sent);
      stack.handleTimeout(now);
      turn(stack, now);
      count += far.receive(received, count);
    }
    expect([count, received]).toEqual([data.length, data]);
    expect(now - began).toBeLessThan(5000);
  });

  test('exchanges datagrams, also in fragments, and echo requests', () => {
    const stack = createStack();
    const server = stack.openUdp({ port: 53 });
    const client = stack.openUdp();
    client.sendTo(pattern(5000), OURS[4], 53);
    turn(stack);
    const data = new Uint8Array(5000);
    expect([server.receive(data), server.origin.port]).toEqual([5000, client.localPort]);
    expect(data).toEqual(pattern(5000));
    const echo = stack.openEcho();
    echo.send(OURS[6], 1, pattern(100));
    turn(stack);
    expect(echo.receive(data)).toBe(100);
  });

  test('drops a packet from outside whose source is one of its own addresses', () => {
    const [a, b] = [createStack(), createStack()];
    const packet = new Uint8Array(2000);
    const foreign = a.openUdp();
    foreign.sendTo(pattern(10), '10.0.0.2', 53);
    const length = a.pollPacket(packet, 0, 0);
    packet.copyWithin(16, 12, 16);
    b.handlePacket(packet, 0, length, 0);
    expect(b.drops.toJSON()).not.toEqual({});
  });
});
