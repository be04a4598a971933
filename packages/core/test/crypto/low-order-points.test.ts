import { fromHex, readVectors } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { isLowOrderPoint } from '../../src/crypto/low-order-points.ts';

const { lowOrder, tests } = readVectors('rfc/rfc7748.json') as {
  lowOrder: string[];
  tests: { u: string }[];
};

describe('isLowOrderPoint', () => {
  it('is true for all seven encodings of the five low-order points, with the highest bit set or not', () => {
    expect(lowOrder).toHaveLength(7);
    for (const point of lowOrder) {
      const publicKey = fromHex(point);
      expect(isLowOrderPoint(publicKey)).toBe(true);
      publicKey[31] |= 0x80;
      expect(isLowOrderPoint(publicKey)).toBe(true);
    }
  });

  it('is false if one bit of a low-order point is changed, and for ordinary keys', () => {
    for (const point of lowOrder) {
      for (const at of [0, 15, 30, 31]) {
        const publicKey = fromHex(point);
        publicKey[at] ^= 0x10;
        expect(isLowOrderPoint(publicKey)).toBe(false);
      }
    }
    for (const { u } of tests) expect(isLowOrderPoint(fromHex(u))).toBe(false);
  });
});
