import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteRanges } from '../../src/memory/byte-ranges.ts';

const SIZE = 60;

describe('ByteRanges', () => {
  test('agrees with a list of single positions', () => {
    const range = fc.tuple(fc.nat(SIZE - 1), fc.integer({ min: 1, max: 9 }));
    fc.assert(
      fc.property(fc.array(range, { maxLength: 30, size: 'max' }), fc.nat(20), (list, shift) => {
        const ranges = new ByteRanges(100);
        let slow = Array.from({ length: SIZE + 20 }, () => false);
        for (const [start, length] of list) {
          const part = slow.slice(start, start + length);
          expect(ranges.overlaps(start, start + length)).toBe(part.some(Boolean));
          expect(ranges.covers(start, start + length)).toBe(part.every(Boolean));
          expect(ranges.add(start, start + length)).toBe(true);
          slow.fill(true, start, start + length);
        }
        expect(positionsOf(ranges)).toEqual(slow);
        ranges.shift(shift);
        slow = [...slow.slice(shift), ...Array.from({ length: shift }, () => false)];
        expect(positionsOf(ranges)).toEqual(slow);
      }),
    );
  });

  test('refuses a new range at the limit, but still accepts bytes that touch existing ranges', () => {
    const ranges = new ByteRanges(2);

    expect([ranges.add(0, 1), ranges.add(4, 5), ranges.add(8, 9)]).toEqual([true, true, false]);
    expect([ranges.add(1, 4), ranges.count, ranges.end(0)]).toEqual([true, 1, 5]);
  });
});

/**
 * Returns, for each position, whether it is in a range. Checks that the ranges are sorted and do
 * not touch each other.
 */
function positionsOf(ranges: ByteRanges): boolean[] {
  const positions = Array.from({ length: SIZE + 20 }, () => false);
  let last = -1;
  for (let i = 0; i < ranges.count; i++) {
    expect(ranges.start(i)).toBeGreaterThan(last);
    expect(ranges.end(i)).toBeGreaterThan(ranges.start(i));
    positions.fill(true, ranges.start(i), ranges.end(i));
    last = ranges.end(i);
  }
  return positions;
}
