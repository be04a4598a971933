import { describe, expect, test } from 'vitest';
import { Stack } from '../src/index.ts';
import { createStack, give, OURS, pattern, rawUdp, take, THEIRS } from './raw-packets.ts';

describe('Stack', () => {
  test.each<[options: object, name: RegExp]>([
    [{ addresses: [] }, /"randomBytes"/],
    [{ randomBytes: () => {}, addresses: 5 }, /"addresses"/],
    [{ randomBytes: () => {}, addresses: ['10.0.0'] }, /10\.0\.0/],
    [{ randomBytes: () => {}, addresses: [], mtu: 1279 }, /"mtu"/],
    [{ randomBytes: () => {}, addresses: [], memory: 1 }, /"memory"/],
    [{ randomBytes: () => {}, addresses: [], outputQueue: 1 }, /"outputQueue"/],
    [{ randomBytes: () => {}, addresses: [], other: 1 }, /other/],
  ])('refuses the options %j', (options, name) => {
    expect(() => new Stack(options as never)).toThrow(name);
  });

  test('refuses wrong arguments', () => {
    const stack = createStack();
    const buffer = new Uint8Array(1500);
    expect(() => stack.handlePacket(buffer, 0, 1501, 0)).toThrow(/"length"/);
    expect(() => stack.handlePacket(buffer, 1501, 0, 0)).toThrow(/"offset"/);
    expect(() => stack.handlePacket(buffer, 0, 20, NaN)).toThrow(/"now"/);
    expect(() => stack.handleTimeout('5' as never)).toThrow(/"now"/);
    expect(() => stack.pollPacket(new Uint8Array(1419), 0, 0)).toThrow(/"room"/);
    expect(() => stack.openUdp({ port: 70_000 })).toThrow(/"port"/);
    expect(() => (stack.mtu = 5)).toThrow(/"mtu"/);
  });

  test('names each socket once, in the order of their changes', () => {
    const stack = createStack();
    const [a, b] = [stack.openUdp({ port: 1 }), stack.openUdp({ port: 2 })];
    for (const port of [2, 1, 2]) give(stack, rawUdp(4, port, pattern(1)));
    expect([stack.pollSocket(), stack.pollSocket(), stack.pollSocket()]).toEqual([b, a, undefined]);
    give(stack, rawUdp(4, 2, pattern(1)));
    expect(stack.pollSocket()).toBe(b);
  });

  test('sends with the MTU that it has now', () => {
    const stack = createStack();
    const socket = stack.openUdp();
    const count = (): number => {
      socket.sendTo(pattern(2000), THEIRS[4], 1);
      return take(stack).length;
    };
    expect(count()).toBe(2);
    stack.mtu = 9000;
    expect(count()).toBe(1);
  });

  test('keeps packets until there is room for them', () => {
    const stack = createStack();
    const socket = stack.openUdp();
    for (let i = 0; i < 3; i++) socket.sendTo(pattern(1000, i), THEIRS[4], 1);
    const buffer = new Uint8Array(1420);
    expect(stack.pollPacket(buffer, 0, 0)).toBe(1028);
    expect(buffer.subarray(28, 1028)).toEqual(pattern(1000, 0));
    expect(take(stack).length).toBe(2);
  });

  test('sends from the address that is nearest to the destination', () => {
    const stack = createStack({ addresses: ['10.0.0.1', '10.9.0.1', OURS[6], '10.9.0.2'] });
    const socket = stack.openUdp();
    for (const to of ['10.9.7.7', '10.0.3.3', '192.0.2.1']) socket.sendTo(pattern(1), to, 1);
    const sources = take(stack).map((packet) => packet.subarray(12, 16).join('.'));
    expect(sources).toEqual(['10.9.0.1', '10.0.0.1', '10.0.0.1']);
  });
});
