import { seededRandomBytes } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { Jitter } from '../../src/rate/jitter.ts';

describe('Jitter', () => {
  it('stays within 0 to max, reaches both ends, and varies', () => {
    const jitter = new Jitter(seededRandomBytes(1));
    const seen = new Set(Array.from({ length: 20_000 }, () => jitter.next(333)));
    expect(Math.min(...seen)).toBe(0);
    expect(Math.max(...seen)).toBe(333);
    expect(seen.size).toBe(334);
  });

  it('comes from the injected randomness alone', () => {
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });
});

function draw(seed: number): number[] {
  const jitter = new Jitter(seededRandomBytes(seed));
  return Array.from({ length: 300 }, () => jitter.next(333));
}
