import { describe, expect, it } from 'vitest';
import { parseUnsigned, parseUnsignedOrHex } from '../../src/text/unsigned.ts';

describe('parseUnsigned', () => {
  it('reads digits up to the limit', () => {
    expect(parseUnsigned('0', 65535)).toBe(0);
    expect(parseUnsigned('65535', 65535)).toBe(65535);
    expect(parseUnsigned(String(Number.MAX_SAFE_INTEGER), Number.MAX_SAFE_INTEGER)).toBe(
      2 ** 53 - 1,
    );
  });

  it.each(['', '65536', '-1', '+1', '1.5', '1e3', '0x10', ' 1', '1 ', '9'.repeat(30), 'NaN'])(
    'refuses %j',
    (text) => {
      expect(parseUnsigned(text, 65535)).toBeUndefined();
    },
  );
});

describe('parseUnsignedOrHex', () => {
  it('reads decimal and hexadecimal numbers', () => {
    expect(parseUnsignedOrHex('51820', 2 ** 32)).toBe(51820);
    expect(parseUnsignedOrHex('0xcA6C', 2 ** 32)).toBe(51820);
    expect(parseUnsignedOrHex('0x', 2 ** 32)).toBeUndefined();
    expect(parseUnsignedOrHex('0x100000000', 2 ** 32 - 1)).toBeUndefined();
  });
});

describe('parseUnsignedOrHex for hexadecimal numbers', () => {
  it('accepts digits after 0x, and no other characters before or after them', () => {
    expect(parseUnsignedOrHex('0x00ff', 255)).toBe(255);
    for (const text of ['10x1', 'x0x1', '0x1g', '0x1 ', '0x']) {
      expect(parseUnsignedOrHex(text, 1e6)).toBeUndefined();
    }
  });
});
