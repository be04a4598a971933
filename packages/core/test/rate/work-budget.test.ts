import { describe, expect, it } from 'vitest';
import { WorkBudget } from '../../src/rate/work-budget.ts';

describe('WorkBudget', () => {
  it('gives a share of the time, and says when', () => {
    const budget = new WorkBudget(0.25, 2);
    let done = 0;
    for (let now = 1000; now < 2000; now = Math.max(now + 0.001, budget.freeAt)) {
      if (!budget.isFree(now)) continue;
      budget.spend(1, now);
      done++;
    }
    // A quarter of a second, and what may be done at once.
    expect(done).toBeGreaterThanOrEqual(250);
    expect(done).toBeLessThanOrEqual(253);
  });

  it('is free at the time that it says, and not before', () => {
    const budget = new WorkBudget(0.1, 1);
    budget.spend(3.7, 1000);
    expect(budget.isFree(budget.freeAt - 0.001)).toBe(false);
    expect(budget.isFree(budget.freeAt)).toBe(true);
    expect(budget.freeAt).toBeCloseTo(1000 - 10 + 37, 6);
  });

  it('saves no more than the burst', () => {
    const budget = new WorkBudget(0.5, 2);
    let done = 0;
    while (budget.isFree(1_000_000)) {
      budget.spend(0.5, 1_000_000);
      done++;
    }
    // What is begun is finished: one more than four.
    expect(done).toBe(5);
  });

  it('does not wait for a clock that stepped back', () => {
    const budget = new WorkBudget(0.5, 2);
    budget.spend(1000, 1e12);
    expect(budget.isFree(1000)).toBe(true);
  });
});
