import { describe, expect, it } from 'vitest';
import { longestGaps } from '../../src/rotation/longest-gaps.ts';

describe('longestGaps', () => {
  it('returns the longest gap that ended between each time and the next, or 0', () => {
    const gaps = [
      { endedAt: 99, ms: 50 },
      { endedAt: 100, ms: 7 },
      { endedAt: 150, ms: 9 },
      { endedAt: 120, ms: 8 },
      { endedAt: 300, ms: 40 },
    ];
    expect(longestGaps(gaps, [100, 200, 300])).toEqual([9, 0]);
  });

  it('ignores gaps that ended after the last of the times', () => {
    expect(longestGaps([{ endedAt: 5, ms: 3 }], [0])).toEqual([]);
  });
});
