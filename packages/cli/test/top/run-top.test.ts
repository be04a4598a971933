import { describe, expect, it } from 'vitest';
import { pauseAfter } from '../../src/top/run-top.ts';

describe('pauseAfter', () => {
  it('returns a pause that keeps the interval, and keeps the daemon busy for at most a tenth of the time', () => {
    expect(pauseAfter(0, 1000)).toBe(1000);
    expect(pauseAfter(50, 1000)).toBe(950);
    expect(pauseAfter(500, 1000)).toBe(4500);
  });
});
