import { describe, expect, it } from 'vitest';
import { NO_RATES, sumOfDrops, sumOfRates } from '../../src/live/live-status.ts';

describe('sumOfDrops', () => {
  it('adds the drops of all reasons, and returns 0 for undefined', () => {
    expect(sumOfDrops({ 'no-peer': 2, 'bad-mac1': 3 })).toBe(5);
    expect(sumOfDrops(undefined)).toBe(0);
  });
});

describe('sumOfRates', () => {
  it('adds each rate, and leaves its arguments as they are', () => {
    const one = { ...NO_RATES, drops: 1, sentBytes: 2 };
    expect(sumOfRates([one, one])).toEqual({ ...NO_RATES, drops: 2, sentBytes: 4 });
    expect(sumOfRates([])).toEqual(NO_RATES);
    expect(NO_RATES.drops).toBe(0);
  });
});
