import { describe, expect, test } from 'vitest';
import {
  createStack,
  give,
  hasRightSums,
  OURS,
  pattern,
  rawIcmp,
  take,
  THEIRS,
} from '../raw-packets.ts';

describe.each([4, 6] as const)('EchoSocket over IPv%i', (version) => {
  test('gets the reply of another stack', () => {
    const [a, b] = [createStack(), createStack({ addresses: [THEIRS[version]] })];
    const [socket, other] = [a.openEcho(), a.openEcho()];
    for (const length of [56, 0, 4000]) {
      socket.send(THEIRS[version], 0xabcd, pattern(length));
      for (const packet of take(a)) give(b, packet);
      for (const packet of take(b)) give(a, packet);
      expect([a.pollSocket(), a.pollSocket()]).toEqual([socket, undefined]);
      const target = new Uint8Array(5000);
      expect(socket.receive(target)).toBe(length);
      expect(target.subarray(0, length)).toEqual(pattern(length));
      expect([socket.origin.port, socket.origin.address.toString()]).toEqual([
        0xabcd,
        THEIRS[version],
      ]);
    }
    expect(other.isReadable).toBe(false);
    expect([a.drops.toJSON(), b.drops.toJSON()]).toEqual([{}, {}]);
  });

  test('answers a request with the same data, from the address that was asked', () => {
    const stack = createStack();
    const [request, reply] = version === 4 ? [8, 0] : [128, 129];
    const rest = [0, 0, 0, 7, 0, 9, ...pattern(33)];
    give(stack, rawIcmp(version, [request, 0, ...rest], { trafficClass: 0xbb }));
    const [packet] = take(stack);
    const addresses = { source: OURS[version], destination: THEIRS[version] };
    const expected = rawIcmp(version, [reply, 0, ...rest], {
      ...addresses,
      trafficClass: 0xb8,
      fragment: 0x4000,
    });
    expect(packet).toEqual(expected);
    expect(hasRightSums(packet)).toBe(true);
  });

  test('reports that a host is unreachable', () => {
    const stack = createStack();
    const socket = stack.openEcho();
    socket.send(THEIRS[version], 1, pattern(10));
    const [request] = take(stack);
    const error = version === 4 ? [3, 1] : [1, 3];
    const message = [...error, 0, 0, 0, 0, 0, 0, ...request];
    give(stack, rawIcmp(version, message, { source: version === 4 ? '10.0.0.99' : 'fd00::99' }));
    expect(stack.pollSocket()).toBe(socket);
    expect(socket.takeError()?.code).toBe('EHOSTUNREACH');
  });

  test('gets no reply when it is closed', () => {
    const stack = createStack();
    const socket = stack.openEcho();
    socket.close();
    const id = socket.localPort;
    const reply = [version === 4 ? 0 : 129, 0, 0, 0, id >>> 8, id & 0xff, 0, 1];
    give(stack, rawIcmp(version, reply));
    expect(stack.drops.toJSON()).toEqual({ 'unexpected-icmp': 1 });
    expect(() => socket.send(THEIRS[version], 1, pattern(1))).toThrow(/EPIPE/);
  });
});
