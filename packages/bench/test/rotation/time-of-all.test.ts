import { describe, expect, it } from 'vitest';
import { timeOfAll } from '../../src/rotation/time-of-all.ts';

describe('timeOfAll', () => {
  it('begins in 1970, so that processes which started at different times agree', () => {
    expect(timeOfAll() - performance.now()).toBe(performance.timeOrigin);
  });
});
