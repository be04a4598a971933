import { describe, expect, it } from 'vitest';
import { WorkBudget } from '../../src/rate/work-budget.ts';

describe('WorkBudget', () => {
  it('allows a share of the time, and returns when it is free again', () => {
    const budget = new WorkBudget(0.25, 2);
    let done = 0;
    for (let now = 1000; now < 2000; now = Math.max(now + 0.001, budget.freeAt)) {
      if (!budget.isFree(now)) continue;
      budget.spend(1, now);
      done++;
    }
    // The allowed work is a quarter of a second, and the burst.
    expect(done).toBeGreaterThanOrEqual(250);
    expect(done).toBeLessThanOrEqual(253);
  });

  it('is free at freeAt, and not before', () => {
    const budget = new WorkBudget(0.1, 1);
    budget.spend(3.7, 1000);
    expect(budget.isFree(budget.freeAt - 0.001)).toBe(false);
    expect(budget.isFree(budget.freeAt)).toBe(true);
    expect(budget.freeAt).toBeCloseTo(1000 - 10 + 37, 6);
  });

  it('saves no more than the burst', () => {
    const budget = new WorkBudget(0.5, 2);
    let done = 0;
    while (done < 100 && budget.isFree(1_000_000)) {
      budget.spend(0.5, 1_000_000);
      done++;
    }
    // The burst is four pieces of work. The last piece may exceed the budget.
    expect(done).toBe(5);
  });

  it('has the full burst again after refill, and no more', () => {
    const budget = new WorkBudget(0.5, 2);
    budget.spend(1000, 1000);
    budget.refill(1000);
    expect(budget.freeAt).toBe(1000 - 4);
    budget.refill(2000);
    expect(budget.freeAt).toBe(1000 - 4);
    budget.spend(1, 2000);
    expect(budget.freeAt).toBe(2000 - 4 + 2);
  });

  it('waits up to ten minutes; a longer wait means that the clock went back', () => {
    expect(owes(600_000).isFree(1000)).toBe(false);
    expect(owes(600_001).isFree(1000)).toBe(true);
  });

  it('does not wait after the clock went back', () => {
    const budget = new WorkBudget(0.5, 2);
    budget.spend(1000, 1e12);
    expect(budget.isFree(1000)).toBe(true);
  });
});

/** Returns a budget that at the time 1000 must wait for `ms` milliseconds. */
function owes(ms: number): WorkBudget {
  const budget = new WorkBudget(0.5, 2);
  budget.spend((ms + 4) / 2, 1000);
  return budget;
}
