import { describe, expect, it } from 'vitest';
import { mean, median, quantile } from '../../src/results/statistics.ts';

describe('median', () => {
  it('is the middle sample, in any order', () => {
    expect(median([9, 1, 5])).toBe(5);
  });

  it('is the mean of the two middle samples if the number of samples is even', () => {
    expect(median([1, 2, 4, 100])).toBe(3);
  });

  it('does not reorder the samples', () => {
    const samples = [3, 1, 2];
    median(samples);
    expect(samples).toEqual([3, 1, 2]);
  });
});

describe('quantile', () => {
  it('is the smallest sample at 0, and the greatest at 1', () => {
    expect(quantile([7, 3, 5], 0)).toBe(3);
    expect(quantile([7, 3, 5], 1)).toBe(7);
  });

  it('interpolates linearly between samples', () => {
    const samples = Array.from({ length: 101 }, (_, i) => i);
    expect(quantile(samples, 0.99)).toBeCloseTo(99);
    expect(quantile([0, 10], 0.25)).toBe(2.5);
  });

  it('refuses an empty list, and a part outside 0 to 1', () => {
    expect(() => quantile([], 0.5)).toThrow(RangeError);
    expect(() => quantile([1], 1.5)).toThrow(RangeError);
    expect(() => quantile([1], NaN)).toThrow(RangeError);
  });
});

describe('mean', () => {
  it('divides by the number of samples', () => {
    expect(mean([1, 2, 6])).toBe(3);
    expect(() => mean([])).toThrow(RangeError);
  });
});
