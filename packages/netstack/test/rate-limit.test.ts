import { describe, expect, test } from 'vitest';
import { RateLimit } from '../src/rate-limit.ts';

describe('RateLimit', () => {
  test('allows the burst, then the rate', () => {
    const limit = new RateLimit(10, 3);
    const taken = (now: number): number => [1, 2, 3, 4, 5].filter(() => limit.take(now)).length;
    expect([taken(0), taken(99), taken(100), taken(350), taken(1e9)]).toEqual([3, 0, 1, 2, 3]);
  });
});
