import { describe, expect, it } from 'vitest';
import { ReceivedNumbers } from '../../src/rotation/received-numbers.ts';

describe('ReceivedNumbers', () => {
  it('counts each packet once, in any order', () => {
    const numbers = new ReceivedNumbers();
    [0, 2, 1, 2, 5].forEach((number, i) => numbers.add(number, i));
    expect(numbers.report()).toMatchObject({ received: 4, duplicates: 1, longestRunLost: 2 });
  });

  it('finds the longest time without a packet', () => {
    const numbers = new ReceivedNumbers();
    expect(numbers.report()).toMatchObject({ received: 0, longestGapMs: 0, longestRunLost: 0 });
    [100, 101, 141, 142].forEach((at, i) => numbers.add(i, at));
    expect(numbers.report().longestGapMs).toBe(40);
  });

  it('lists the gaps with the times at which they ended, without short ones', () => {
    const numbers = new ReceivedNumbers();
    [100, 101, 141, 142, 147].forEach((at, i) => numbers.add(i, at));
    expect(numbers.report().gaps).toEqual([
      { endedAt: 141, ms: 40 },
      { endedAt: 147, ms: 5 },
    ]);
  });
});
