import { describe, expect, test } from 'vitest';
import { fragmentOf, fragmentsOf } from '../ip/fragments.ts';
import {
  createStack,
  give,
  hasRightSums,
  OURS,
  pattern,
  rawIcmp,
  rawPacket,
  rawUdp,
  take,
  THEIRS,
  transportOf,
} from '../raw-packets.ts';

const VERSIONS = [4, 6] as const;

describe('answerUnreachable', () => {
  test.each<[version: 4 | 6, head: number[], most: number]>([
    [4, [3, 3], 576],
    [6, [1, 4], 1280],
  ])(
    'quotes as much of a datagram for a closed port as is allowed (IPv%i)',
    (version, head, most) => {
      const stack = createStack();
      const packets = [20, 1380].map((length) => rawUdp(version, 53, pattern(length)));
      for (const packet of packets) give(stack, packet);
      const answers = take(stack);
      expect(answers.map(hasRightSums)).toEqual([true, true]);
      const [short, long] = answers.map(transportOf);
      expect([...short.subarray(0, 2), ...short.subarray(4, 8)]).toEqual([...head, 0, 0, 0, 0]);
      expect(short.subarray(8)).toEqual(packets[0]);
      expect(answers[1].length).toBe(most);
      expect(long.subarray(8)).toEqual(packets[1].subarray(0, long.length - 8));
      expect(addressesOf(answers[0])).toEqual([OURS[version], THEIRS[version]]);
    },
  );

  test('answers an unknown protocol', () => {
    const stack = createStack();
    for (const version of VERSIONS) {
      give(stack, rawPacket({ version, protocol: 200, payload: pattern(8) }));
    }
    // RFC 4443 3.4: the pointer is the offset of the next header field.
    expect(take(stack).map((packet) => [...transportOf(packet).subarray(0, 8)])).toEqual([
      [3, 2, expect.any(Number), expect.any(Number), 0, 0, 0, 0],
      [4, 1, expect.any(Number), expect.any(Number), 0, 0, 0, 6],
    ]);
    expect(stack.drops.toJSON()).toEqual({ 'unknown-protocol': 2 });
  });

  test.each<[what: string, packet: Uint8Array]>([
    ['an ICMP error', rawIcmp(4, [3, 3, 0, 0, 0, 0, 0, 0, ...pattern(28)])],
    ['an ICMP message of an unknown type', rawIcmp(4, [200, 0, 0, 0, 0, 0, 0, 0])],
    ['a packet whose source is a group', rawUdp(4, 53, pattern(8), { source: '224.0.0.1' })],
    ['a packet for others', rawUdp(4, 53, pattern(8), { destination: '10.0.0.77' })],
    ['a packet for a group', rawUdp(6, 53, pattern(8), { destination: 'ff02::1' })],
    [
      'a packet without a next header',
      rawPacket({ version: 6, protocol: 59, payload: pattern(3) }),
    ],
  ])('does not answer %s', (_, packet) => {
    const stack = createStack();
    give(stack, packet);
    expect(take(stack)).toEqual([]);
  });

  test('answers a burst of 50 packets, and then a hundred packets per second', () => {
    const stack = createStack();
    for (let i = 0; i < 5000; i++) give(stack, rawUdp(4, 53, pattern(8)), i);
    expect(take(stack, 5000).length).toBe(50 + 499);
  });
});

describe('answerProblem', () => {
  const badOption = Uint8Array.of(17, 0, 0x9e, 4, 0, 0, 0, 0);
  const lessBad = Uint8Array.of(17, 0, 0xde, 4, 0, 0, 0, 0);

  test('says where the wrong option is', () => {
    const stack = createStack();
    give(stack, rawPacket({ version: 6, protocol: 60, payload: badOption }));
    give(stack, rawPacket({ version: 6, protocol: 60, payload: lessBad }));
    const heads = take(stack).map((packet) => [...transportOf(packet).subarray(0, 8)]);
    const expected = [4, 2, expect.any(Number), expect.any(Number), 0, 0, 0, 42];
    expect(heads).toEqual([expected, expected]);
  });

  test('answers a first fragment without the whole header chain', () => {
    const stack = createStack();
    const shape = { version: 6, protocol: 6, payload: pattern(16) } as const;
    give(stack, fragmentOf(shape, 1, { start: 0, end: 16, hasMore: true }));
    expect([...transportOf(take(stack)[0]).subarray(0, 2)]).toEqual([4, 3]);
    expect(stack.drops.toJSON()).toEqual({ 'malformed-fragment': 1 });
  });
});

describe('answerReassemblyTimeout', () => {
  test.each(VERSIONS)('answers when the first fragment has come (IPv%i)', (version) => {
    const stack = createStack();
    const shape = {
      version,
      protocol: 17,
      payload: transportOf(rawUdp(version, 53, pattern(1600))),
    };
    give(stack, fragmentsOf(shape, 1, 800)[0], 1000);
    give(stack, fragmentsOf(shape, 2, 800)[1], 1000);
    expect(stack.pollTimeout()).toBe(61_000);
    stack.handleTimeout(61_000);
    const answers = take(stack, 61_000);
    expect(answers.map((packet) => [...transportOf(packet).subarray(0, 2)])).toEqual([
      version === 4 ? [11, 1] : [3, 1],
    ]);
    expect(stack.drops.toJSON()).toEqual({ 'fragment-timeout': 2 });
    expect(stack.pollTimeout()).toBe(Infinity);
  });
});

function addressesOf(packet: Uint8Array): string[] {
  const [size, at] = packet[0] >>> 4 === 4 ? [4, 12] : [16, 8];
  return [at, at + size].map((offset) =>
    size === 4 ? packet.subarray(offset, offset + 4).join('.') : `fd00::${packet[offset + 15]}`,
  );
}
