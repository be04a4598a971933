import { describe, expect, it } from 'vitest';
import { beginAlike, bitAt, leadingOnes, wordAt } from '../../src/routing/address-bits.ts';

describe('wordAt', () => {
  it('reads four bytes as a signed number in network order', () => {
    const bytes = Uint8Array.of(9, 0x01, 0x02, 0x03, 0x84, 0xff, 0, 0, 1);
    expect(wordAt(bytes, 1)).toBe(0x01020384);
    expect(wordAt(bytes, 5)).toBe(0xff000001 | 0);
  });
});

describe('bitAt', () => {
  it('counts bits from the most significant bit of the first byte', () => {
    const bytes = Uint8Array.of(0b1000_0001, 0b0100_0000);
    expect(Array.from({ length: 16 }, (_, i) => bitAt(bytes, i))).toEqual([
      1, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0,
    ]);
  });
});

describe('leadingOnes', () => {
  it.each([
    [-1, 0],
    [0, 0],
    [1, 0x80000000 | 0],
    [31, -2],
    [32, -1],
    [33, -1],
  ])('returns a word that begins with %i ones', (bits, word) => {
    expect(leadingOnes(bits)).toBe(word);
  });
});

describe('beginAlike', () => {
  it('compares exactly the given number of bits', () => {
    const a = Uint8Array.of(1, 2, 0b1010_0000);
    const b = Uint8Array.of(1, 2, 0b1011_0000);
    expect([0, 8, 16, 19, 20, 24].map((bits) => beginAlike(a, b, bits))).toEqual([
      true,
      true,
      true,
      true,
      false,
      false,
    ]);
    const c = Uint8Array.of(1, 3, 0b1010_0000);
    expect([8, 15, 16, 17].map((bits) => beginAlike(a, c, bits))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    // If the compared bytes are the same, the next byte does not matter.
    expect(beginAlike(Uint8Array.of(1, 2), Uint8Array.of(1, 3), 8)).toBe(true);
    expect(beginAlike(Uint8Array.of(5, 2), Uint8Array.of(1, 2), 12)).toBe(false);
  });
});
