import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { equalBytes } from '../../src/crypto/equal-bytes.ts';

describe('equalBytes', () => {
  it('is true for equal bytes, in the same memory or not', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(equalBytes(bytes, bytes.slice())).toBe(true);
        expect(equalBytes(bytes, bytes)).toBe(true);
      }),
    );
  });

  it('is false when one byte differs, at any position', () => {
    const bytes = new Uint8Array(32).fill(7);
    for (let at = 0; at < bytes.length; at++) {
      const other = bytes.slice();
      other[at] = 135;
      expect(equalBytes(bytes, other)).toBe(false);
    }
  });

  it('is false for different lengths, even if one is a prefix of the other', () => {
    expect(equalBytes(new Uint8Array(3), new Uint8Array(4))).toBe(false);
    expect(equalBytes(new Uint8Array(4), new Uint8Array(3))).toBe(false);
    expect(equalBytes(new Uint8Array(0), new Uint8Array(0))).toBe(true);
  });
});
