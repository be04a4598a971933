import { describe, expect, it } from 'vitest';
import { checkText } from '../../src/crypto/check-text.ts';

const BUFFER = new Uint8Array(100);

describe('checkText', () => {
  it('accepts every range with space for the tag', () => {
    for (const [offset, length] of [
      [0, 0],
      [0, 84],
      [84, 0],
      [40, 44],
    ] as const) {
      expect(() => checkText(BUFFER, offset, length)).not.toThrow();
    }
  });

  it('refuses a text whose tag would be beyond the end', () => {
    for (const [offset, length] of [
      [0, 85],
      [85, 0],
      [40, 45],
      [101, 0],
      [2 ** 40, 1],
    ] as const) {
      expect(() => checkText(BUFFER, offset, length)).toThrow(
        new RangeError(
          `"offset" and "length" expected a range within 100 bytes, and 16 after it for the tag, got ${offset} and ${length}`,
        ),
      );
    }
  });

  it('refuses negative numbers, even if their sum is within the buffer', () => {
    expect(() => checkText(BUFFER, -1, 10)).toThrow(RangeError);
    expect(() => checkText(BUFFER, 10, -1)).toThrow(RangeError);
  });

  it('refuses numbers that are not integers', () => {
    for (const value of [0.5, Number.NaN, Number.NEGATIVE_INFINITY, '1', undefined, null]) {
      expect(() => checkText(BUFFER, value as number, 1)).toThrow(RangeError);
      expect(() => checkText(BUFFER, 1, value as number)).toThrow(RangeError);
    }
  });
});
