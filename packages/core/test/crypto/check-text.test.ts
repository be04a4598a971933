import { describe, expect, it } from 'vitest';
import { checkText } from '../../src/crypto/check-text.ts';

const BUFFER = new Uint8Array(100);

describe('checkText', () => {
  it('takes each place that has room for the tag', () => {
    for (const [offset, length] of [
      [0, 0],
      [0, 84],
      [84, 0],
      [40, 44],
    ] as const) {
      expect(() => checkText(BUFFER, offset, length)).not.toThrow();
    }
  });

  it('refuses a text whose tag would stand behind the end', () => {
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

  it('refuses negative numbers, also where their sum is within', () => {
    expect(() => checkText(BUFFER, -1, 10)).toThrow(RangeError);
    expect(() => checkText(BUFFER, 10, -1)).toThrow(RangeError);
  });

  it('refuses what is no whole number', () => {
    for (const value of [0.5, Number.NaN, Number.NEGATIVE_INFINITY, '1', undefined, null]) {
      expect(() => checkText(BUFFER, value as number, 1)).toThrow(RangeError);
      expect(() => checkText(BUFFER, 1, value as number)).toThrow(RangeError);
    }
  });
});
