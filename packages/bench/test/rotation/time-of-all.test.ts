import { describe, expect, it } from 'vitest';
import { timeOfAll } from '../../src/rotation/time-of-all.ts';

describe('timeOfAll', () => {
  it('is the start time of the process plus the time since then', () => {
    const past = timeOfAll() - performance.now() - performance.timeOrigin;
    expect(Math.abs(past)).toBeLessThan(1000);
  });
});
