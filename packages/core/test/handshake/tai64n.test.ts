import { readVectors, toHex } from '@litz/testkit';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareTimestamps, TimestampSource } from '../../src/handshake/tai64n.ts';

const { tests } = readVectors('primitives/tai64n.json') as {
  tests: { unixMilliseconds: number; timestamp: string }[];
};

describe('TimestampSource', () => {
  it.each(tests)('writes $unixMilliseconds ms as the kernel would', (test) => {
    const source = new TimestampSource(() => test.unixMilliseconds);
    expect(toHex(source.next())).toBe(test.timestamp);
  });

  it('always increases, for any clock', () => {
    const clock = fc.oneof(
      fc.double({ min: -1e15, max: 1e15 }),
      fc.constantFrom(NaN, Infinity, -Infinity, 0),
      fc.integer({ min: 1.7e12, max: 1.7e12 + 50 }),
    );
    fc.assert(
      fc.property(fc.array(clock, { minLength: 2, maxLength: 30, size: 'max' }), (times) => {
        let now = 0;
        const source = new TimestampSource(() => now);
        let last = new Uint8Array(12);
        for (now of times) {
          const next = new Uint8Array(source.next());
          expect(compareTimestamps(next, last)).toBeGreaterThan(0);
          expect(nanosecondsOf(next)).toBeLessThan(1e9);
          expect(nanosecondsOf(next) % 2 ** 24).toBe(0);
          last = next;
        }
      }),
    );
  });

  it('advances by one step while the clock is behind, then follows the clock again', () => {
    let now = 1_700_000_000_000;
    const source = new TimestampSource(() => now);
    const first = toHex(source.next());
    now -= 3_600_000;
    expect(first).toBe('400000006553f10a00000000');
    expect(toHex(source.next())).toBe('400000006553f10a01000000');
    now += 7_200_000;
    expect(toHex(source.next())).toBe('400000006553ff1a00000000');
  });

  it('skips timestamps that a copy may have used, also if the clock has gone back', () => {
    let now = 1_700_000_000_000;
    const source = new TimestampSource(() => now);
    source.noteCopy(5000);
    const other = new TimestampSource(() => now);
    now += 200_000;
    const theirs = new Uint8Array(other.next());
    now -= 3_600_000;
    source.skip(60, 205_000);
    expect(compareTimestamps(source.next(), theirs)).toBeGreaterThan(0);
    expect(toHex(source.next())).toBe('400000006553f1d302000000');
  });

  it('continues in the next second after 60 timestamps in one second', () => {
    const source = new TimestampSource(() => 1_700_000_000_000);
    const stamps = Array.from({ length: 61 }, () => toHex(source.next()));
    expect(stamps[59]).toBe('400000006553f10a3b000000');
    expect(stamps[60]).toBe('400000006553f10b00000000');
  });
});

describe('compareTimestamps', () => {
  it('compares the timestamps as numbers', () => {
    const bytes = fc.uint8Array({ minLength: 12, maxLength: 12 });
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        const [x, y] = [BigInt(`0x${toHex(a)}`), BigInt(`0x${toHex(b)}`)];
        expect(Math.sign(compareTimestamps(a, b))).toBe(x < y ? -1 : x > y ? 1 : 0);
        expect(compareTimestamps(a, a.slice())).toBe(0);
      }),
    );
  });
});

function nanosecondsOf(timestamp: Uint8Array): number {
  return new DataView(timestamp.buffer, timestamp.byteOffset).getUint32(8);
}
