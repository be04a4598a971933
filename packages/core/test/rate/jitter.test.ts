import { seededRandomBytes } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { Jitter } from '../../src/rate/jitter.ts';

describe('Jitter', () => {
  it('returns 0 to max, reaches both ends, and varies', () => {
    const jitter = new Jitter(seededRandomBytes(1));
    const seen = new Set(Array.from({ length: 20_000 }, () => jitter.next(333)));
    expect(Math.min(...seen)).toBe(0);
    expect(Math.max(...seen)).toBe(333);
    expect(seen.size).toBe(334);
  });

  it('uses two bytes for each value, and fetches a new block when all bytes are used', () => {
    let blocks = 0;
    const jitter = new Jitter((out) => {
      blocks++;
      out.forEach((_, i) => (out[i] = i));
    });
    for (let block = 1; block <= 3; block++) {
      for (let i = 0; i < 256; i += 2) expect(jitter.next(65_535)).toBe(i | ((i + 1) << 8));
      expect(blocks).toBe(block);
    }
  });

  it('depends only on the injected random bytes', () => {
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });
});

function draw(seed: number): number[] {
  const jitter = new Jitter(seededRandomBytes(seed));
  return Array.from({ length: 300 }, () => jitter.next(333));
}
