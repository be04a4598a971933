import { describe, expect, it } from 'vitest';
import { timeOfAll } from '../../src/rotation/time-of-all.ts';

describe('timeOfAll', () => {
  it('counts from 1970, so that processes which started at different times agree', () => {
    const past = timeOfAll() - performance.now() - performance.timeOrigin;
    expect(Math.abs(past)).toBeLessThan(1000);
  });
});
