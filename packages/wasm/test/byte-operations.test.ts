import { seededRandomBytes } from '@litz/testkit';
import { createByteOperations, type ByteOperations, type SegmentPlan } from '@litz/tun/offload';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createWasmByteOperations, WasmArena } from '../src/index.ts';
import { BUILDS } from './builds.ts';

describe.each(BUILDS)('createWasmByteOperations, %s', (build) => {
  const arena = WasmArena.createSync({ length: 300_000, build });

  test('copies and sums as the JavaScript version does, at every length up to 600 and random offsets', () => {
    const buffer = arena.allocate(4096);
    const operations: ByteOperations = createWasmByteOperations(arena, buffer);
    const twin = createByteOperations(new Uint8Array(4096));
    for (let length = 0; length <= 600; length++) {
      for (let round = 0; round < 4; round++) {
        const [from, to] = places(length, round);
        fill(buffer, twin.buffer, length * 4 + round);
        const sum = operations.copyAndSum(to, from, length);
        expect({ length, from, to, sum }).toEqual({
          length,
          from,
          to,
          sum: twin.copyAndSum(to, from, length),
        });
        expect(Buffer.compare(buffer, twin.buffer)).toBe(0);
      }
    }
  });

  test.each([1280, 1368, 1420, 9001, 65_534, 65_535])(
    'copies and sums %i bytes of 0xff as the JavaScript version does',
    (length) => {
      const operations = createWasmByteOperations(arena);
      const from = arena.bytes.length - 2 * 65_535;
      const bytes = arena.bytes.subarray(from, from + length).fill(0xff);
      const twin = createByteOperations(new Uint8Array(2 * 65_535).fill(0xff));
      expect(operations.copyAndSum(from + 65_535, from, length)).toBe(
        twin.copyAndSum(65_535, 0, length),
      );
      expect(arena.bytes.subarray(from + 65_535, from + 65_535 + length)).toEqual(bytes);
    },
  );

  test.each([
    [-1, 64, 8],
    [64, -1, 8],
    [0, 64, -1],
    [4089, 64, 8],
    [0, 4089, 8],
    [0, Number.NaN, 8],
    [Number.NaN, 0, 8],
    [0, 64, Number.NaN],
    [0, 0, 65_536],
  ])('refuses a copy to=%d from=%d length=%d', (to, from, length) => {
    const operations = createWasmByteOperations(arena, arena.bytes.subarray(8192, 8192 + 4096));
    const before = arena.bytes.slice();
    expect(() => operations.copyAndSum(to, from, length)).toThrow(RangeError);
    expect(Buffer.compare(arena.bytes, before)).toBe(0);
  });

  test('writes the same segments as the JavaScript version', () => {
    const buffer = arena.allocate(3 * 4096);
    const operations: ByteOperations = createWasmByteOperations(arena, buffer);
    const twin = createByteOperations(new Uint8Array(buffer.length));
    fc.assert(
      fc.property(planOfSegments(), fc.nat(), ({ plan, first, count, version }, seed) => {
        fill(buffer, twin.buffer, seed);
        for (const bytes of [buffer, twin.buffer]) bytes[plan.from] = version * 16 + 5;
        const to = 4096 + (seed % 16);
        const stride = plan.headerLength + plan.segmentSize + (seed % 7);
        operations.writeSegments(plan, first, count, to, stride);
        twin.writeSegments(plan, first, count, to, stride);
        expect(Buffer.compare(buffer, twin.buffer)).toBe(0);
      }),
      { numRuns: Number(process.env['FC_NUM_RUNS'] ?? 300) },
    );
  });

  test.each<[string, Partial<SegmentPlan>, number, number, number]>([
    ['a packet in front of the buffer', { from: -1 }, 0, 1, 2000],
    ['a packet that reaches out of the buffer', { from: 3900 }, 0, 1, 0],
    ['a place in front of the buffer', {}, 0, 1, -1],
    ['a last place behind the buffer', {}, 0, 3, 3727],
    ['no segment', {}, 0, 0, 2000],
    ['a segment before the first', {}, -1, 1, 2000],
    ['a segment behind the last', {}, 2, 2, 2000],
    ['segments without payload', { segmentSize: 0 }, 0, 1, 2000],
    ['a packet that is shorter than its headers', { length: 39 }, 0, 1, 2000],
    ['a packet that is longer than any IP packet', { length: 65_576 }, 0, 1, 2000],
    ['an IP header that is too short', { ipHeaderLength: 16 }, 0, 1, 2000],
    ['no transport header', { headerLength: 20 }, 0, 1, 2000],
    ['a TCP header that is too short', { headerLength: 36 }, 0, 1, 2000],
    ['a protocol with a fraction', { headerLength: 36, protocol: 6.5 }, 0, 1, 2000],
    ['a first segment with a fraction', {}, 0.5, 1, 2000],
    ['a count with a fraction', {}, 0, 1.5, 2000],
    ['a segment size with a fraction', { segmentSize: 100.5 }, 2, 1, 2000],
    ['a length that is NaN', { length: Number.NaN }, 0, 1, 2000],
  ])('refuses %s', (_, change, first, count, to) => {
    const operations = createWasmByteOperations(arena, arena.bytes.subarray(8192, 8192 + 4096));
    const before = arena.bytes.slice();
    const plan = { ...PLAN, ...change };
    expect(() => operations.writeSegments(plan, first, count, to, 140)).toThrow(RangeError);
    expect(Buffer.compare(arena.bytes, before)).toBe(0);
  });

  test.each([
    ['the first of three segments', 250, 0, 1, 140],
    ['the last of three segments', 250, 2, 1, 90],
    ['the last two of three segments', 250, 1, 2, 140 + 90],
    ['the only segment, with 10 bytes of payload,', 10, 0, 1, 50],
    ['the only segment, without payload,', 0, 0, 1, 40],
  ])(
    'writes %s up to the end of the buffer, and refuses a place one byte further',
    (_, payload, first, count, length) => {
      const buffer = arena.bytes.subarray(8192, 8192 + 4096);
      const behind = arena.bytes.slice(8192 + 4096);
      const operations: ByteOperations = createWasmByteOperations(arena, buffer);
      const twin = createByteOperations(new Uint8Array(4096));
      const plan = { ...PLAN, length: 40 + payload };
      fill(buffer, twin.buffer, length);
      for (const bytes of [buffer, twin.buffer]) bytes[0] = 0x45;
      operations.writeSegments(plan, first, count, 4096 - length, 140);
      twin.writeSegments(plan, first, count, 4096 - length, 140);
      expect(Buffer.compare(buffer, twin.buffer)).toBe(0);
      expect(Buffer.compare(arena.bytes.subarray(8192 + 4096), behind)).toBe(0);
      const further = 4096 - length + 1;
      expect(() => operations.writeSegments(plan, first, count, further, 140)).toThrow(RangeError);
    },
  );

  test('refuses a range into which only the last segment would fit', () => {
    const operations = createWasmByteOperations(arena, arena.bytes.subarray(8192, 8192 + 4096));
    const before = arena.bytes.slice();
    // The segments overlap, which is not allowed. Even then nothing is written behind the buffer.
    expect(() => operations.writeSegments(PLAN, 1, 2, 4096 - 100, 1)).toThrow(RangeError);
    expect(Buffer.compare(arena.bytes, before)).toBe(0);
  });

  test('refuses bytes of another buffer', () => {
    expect(() => createWasmByteOperations(arena, new Uint8Array(64))).toThrow(TypeError);
  });
});

/** Three segments. */
const PLAN: SegmentPlan = {
  from: 0,
  length: 40 + 250,
  ipHeaderLength: 20,
  headerLength: 40,
  segmentSize: 100,
  protocol: 6,
  ipSum: 1,
  transportSum: 2,
};

/**
 * Plans of packets in the first 4096 bytes of the buffer. The segments fit into the other 8192
 * bytes.
 */
function planOfSegments(): fc.Arbitrary<{
  plan: SegmentPlan;
  first: number;
  count: number;
  version: 4 | 6;
}> {
  return fc
    .record({
      version: fc.constantFrom<4 | 6>(4, 6),
      isTcp: fc.boolean(),
      from: fc.nat(100),
      options: fc.nat(10),
      payload: fc.nat(3000),
      segmentSize: fc.integer({ min: 50, max: 1500 }),
      sums: fc.tuple(fc.nat(0xffff), fc.nat(0xffff)),
      part: fc.tuple(fc.nat(), fc.nat()),
    })
    .map(({ version, isTcp, from, options, payload, segmentSize, sums, part }) => {
      const ipHeaderLength = (version === 4 ? 20 : 40) + (options >> 2) * 8;
      const headerLength = ipHeaderLength + (isTcp ? 20 + (options & 3) * 4 : 8);
      const segments = Math.max(1, Math.ceil(payload / segmentSize));
      const first = part[0] % segments;
      const count = 1 + (part[1] % (segments - first));
      const [ipSum, transportSum] = sums;
      const length = headerLength + payload;
      const protocol = isTcp ? 6 : 17;
      const plan: SegmentPlan = {
        from,
        length,
        ipHeaderLength,
        headerLength,
        segmentSize,
        protocol,
        ipSum,
        transportSum,
      };
      // Only as many segments as fit behind the packet.
      const fitting = Math.floor(8000 / (headerLength + segmentSize + 7));
      return { plan, first, count: Math.min(count, fitting), version };
    });
}

/** Two places in 4096 bytes that do not overlap, at any alignment. */
function places(length: number, seed: number): [from: number, to: number] {
  const random = new Uint8Array(4);
  seededRandomBytes(length * 7 + seed)(random);
  const low = random[0] * 4;
  const high = 2048 + random[1] * 4 + (random[2] & 3);
  return random[3] & 1 ? [low, high] : [high, low];
}

function fill(a: Uint8Array, b: Uint8Array, seed: number): void {
  seededRandomBytes(seed)(a.subarray(0, 256));
  for (let at = 256; at < a.length; at *= 2) a.copyWithin(at, 0, at);
  b.set(a);
}
