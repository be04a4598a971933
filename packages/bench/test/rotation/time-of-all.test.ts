import { describe, expect, it, vi } from 'vitest';
import { timeOfAll } from '../../src/rotation/time-of-all.ts';

describe('timeOfAll', () => {
  it('is the start time of the process plus the time since then', () => {
    const now = vi.spyOn(performance, 'now').mockReturnValue(5.25);
    expect(timeOfAll()).toBe(performance.timeOrigin + 5.25);
    now.mockRestore();
  });
});
