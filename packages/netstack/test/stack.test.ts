import { describe, expect, test } from 'vitest';
import { createPacketOffload, Stack } from '../src/index.ts';
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
    expect(() => stack.pollPacket(new Uint8Array(1419), 0, 0)).toThrow(/"buffer.length - offset"/);
    expect(() => stack.openUdp({ port: 70_000 })).toThrow(/"port"/);
    expect(() => (stack.mtu = 5)).toThrow(/"mtu"/);
  });

  test('returns each changed socket once from `pollSocket`, in the order of the changes', () => {
    const stack = createStack();
    const [a, b] = [stack.openUdp({ port: 1 }), stack.openUdp({ port: 2 })];
    for (const port of [2, 1, 2]) give(stack, rawUdp(4, port, pattern(1)));
    expect([stack.pollSocket(), stack.pollSocket(), stack.pollSocket()]).toEqual([b, a, undefined]);
    give(stack, rawUdp(4, 2, pattern(1)));
    expect(stack.pollSocket()).toBe(b);
  });

  test('sends with its current MTU', () => {
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

  test('keeps packets until they are taken', () => {
    const stack = createStack();
    const socket = stack.openUdp();
    for (let i = 0; i < 3; i++) socket.sendTo(pattern(1000, i), THEIRS[4], 1);
    const buffer = new Uint8Array(1420);
    expect(stack.pollPacket(buffer, 0, 0)).toBe(1028);
    expect(buffer.subarray(28, 1028)).toEqual(pattern(1000, 0));
    expect(take(stack).length).toBe(2);
  });

  test('sends from the address with the most leading bits in common with the destination', () => {
    const stack = createStack({ addresses: ['10.0.0.1', '10.9.0.1', OURS[6], '10.9.0.2'] });
    const socket = stack.openUdp();
    for (const to of ['10.9.7.7', '10.0.3.3', '192.0.2.1']) socket.sendTo(pattern(1), to, 1);
    const sources = take(stack).map((packet) => packet.subarray(12, 16).join('.'));
    expect(sources).toEqual(['10.9.0.1', '10.0.0.1', '10.0.0.1']);
  });

  test('uses a new MTU for the segments of open connections', () => {
    const [a, b] = [createStack(), createStack({ addresses: [THEIRS[4]] })];
    const listener = b.listenTcp({ port: 80 });
    const client = a.connectTcp(THEIRS[4], 80);
    exchange(a, b);
    const longest = (): number => {
      client.send(pattern(5000));
      return Math.max(...take(a).map((packet) => packet.length));
    };
    expect(listener.waiting).toBe(1);
    expect(longest()).toBe(1420);
    a.mtu = 1300;
    expect(longest()).toBe(1300);
  });

  test('makes super-packets with no more segments than the device takes', () => {
    const [a, b] = [createStack(), createStack({ addresses: [THEIRS[4]] })];
    b.listenTcp({ port: 80 });
    const client = a.connectTcp(THEIRS[4], 80);
    exchange(a, b);
    const data = new Uint8Array(65_536);
    const offload = createPacketOffload();
    a.segmentLimit = 3;
    client.send(data);
    const length = a.pollPacket(data, 0, 0, offload);
    expect(length).toBe(offload.headerLength + 3 * offload.gsoSize);
    expect(() => (a.segmentLimit = 0)).toThrow(/"segmentLimit"/);
    a.segmentLimit = Infinity;
    expect(a.pollPacket(data, 0, 0, offload)).toBeGreaterThan(length);
  });

  test('fails everything with one error when it is closed, and sends nothing more', () => {
    const [a, b] = [createStack(), createStack({ addresses: [THEIRS[4]] })];
    const listener = b.listenTcp({ port: 80 });
    const [accepted, waiting] = [a.connectTcp(THEIRS[4], 80), a.connectTcp(THEIRS[4], 80)];
    exchange(a, b);
    const socket = listener.accept()!;
    const begun = b.connectTcp(OURS[4], 81);
    const [udp, echo] = [b.openUdp({ port: 53 }), b.openEcho()];
    udp.sendTo(pattern(1), OURS[4], 1);
    accepted.send(pattern(1));
    const late = take(a);
    while (b.pollSocket());
    b.close('the cable was cut');
    b.close('a second time');
    const reported = new Set();
    for (let each = b.pollSocket(); each; each = b.pollSocket()) reported.add(each);
    expect(reported).toEqual(new Set([listener, socket, begun, udp, echo]));
    const { error } = listener;
    expect(error).toMatchObject({ code: 'ENETDOWN', message: 'ENETDOWN: the cable was cut' });
    expect([socket.error, begun.error, udp.takeError(), echo.takeError()]).toEqual(
      Array.from({ length: 4 }, () => error),
    );
    for (const open of [
      () => b.openUdp(),
      () => b.openEcho(),
      () => b.listenTcp(),
      () => b.connectTcp(OURS[4], 1),
      () => socket.send(pattern(1)),
      () => udp.sendTo(pattern(1), OURS[4], 1),
      () => echo.send(OURS[4], 1, pattern(1)),
    ]) {
      expect(open).toThrow(error);
    }
    expect(listener.waiting).toBe(0);
    for (const packet of late) give(b, packet);
    expect(take(b)).toEqual([]);
    expect(b.pollTimeout()).toBe(Infinity);
    expect(waiting.error).toBeUndefined();
  });
});

/** Carries packets in both directions until none is left. */
function exchange(a: Stack, b: Stack): void {
  for (let rounds = 0; rounds < 10; rounds++) {
    for (const packet of take(a)) give(b, packet);
    for (const packet of take(b)) give(a, packet);
  }
}
