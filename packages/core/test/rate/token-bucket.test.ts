import { describe, expect, it } from 'vitest';
import { TokenBucket } from '../../src/rate/token-bucket.ts';

describe('TokenBucket', () => {
  it('allows the burst, then the rate', () => {
    const bucket = new TokenBucket(10, 3);
    const taken = (now: number, tries: number): number =>
      Array.from({ length: tries }, () => bucket.take(now)).filter(Boolean).length;
    expect(taken(1000, 5)).toBe(3);
    expect(taken(1099, 1)).toBe(0);
    expect(taken(1200, 5)).toBe(2);
    expect(taken(1_000_000, 5)).toBe(3);
  });

  it('is full at the first call, also at the time 0', () => {
    const bucket = new TokenBucket(10, 3);
    const taken = (now: number): number => [1, 2, 3, 4, 5].filter(() => bucket.take(now)).length;
    expect([taken(0), taken(99), taken(100), taken(350), taken(1e9)]).toEqual([3, 0, 1, 2, 3]);
  });
});
