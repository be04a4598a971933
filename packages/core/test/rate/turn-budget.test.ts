import { describe, expect, it } from 'vitest';
import { TurnBudget, type TurnHolder } from '../../src/rate/turn-budget.ts';

describe('TurnBudget', () => {
  it('gives turns at the pace of the budget, after a burst', () => {
    const { budget, holders } = queueOf(20);
    const turns = holders.map(({ turnAt }) => turnAt);
    // 2 ms of work are allowed at once, and each piece costs 0.12 ms. The last piece may exceed the
    // budget.
    expect(turns.slice(0, 17)).toEqual(Array.from({ length: 17 }, () => Infinity));
    expect(turns[17]).toBeCloseTo(1000.1);
    expect(turns[18]).toBeCloseTo(1000.4);
    expect(budget.isItsTurn(holders[18], 1000.3)).toBe(false);
    expect(holders[18].turnAt).toBe(turns[18]);
    expect(budget.isItsTurn(holders[18], budget.dueAt(holders[18]))).toBe(true);
  });

  it.each([
    ['has no turn', Infinity, 0.3],
    ['comes before its turn', 1001, 0.3],
    ['comes at its turn', 1000, 0],
    ['comes after its turn', 999, 0],
  ])('counts the work of a holder once, if the holder %s', (_, turnAt, spent) => {
    const { budget, holders } = queueOf(20);
    const holder = { turnAt };
    budget.spendTurn(holder, 1000);
    expect(holder.turnAt).toBe(Infinity);
    const next = { turnAt: Infinity };
    budget.isItsTurn(next, 1000);
    expect(next.turnAt - holders[19].turnAt).toBeCloseTo(0.3 + spent);
  });

  it('moves the turns if a call is late, and keeps their order', () => {
    const { budget, holders } = queueOf(1000);
    const waiting = holders.filter(({ turnAt }) => turnAt < Infinity);
    const taken = takeDue(budget, waiting, 1200);
    // The call is 200 ms late, but only the turns of the first 5 ms were taken. These are 2 ms of
    // work at a share of 0.4.
    expect(taken).toEqual(waiting.slice(0, taken.length));
    expect(taken.length).toBeGreaterThan(15);
    expect(taken.length).toBeLessThan(19);
    const next = waiting.slice(taken.length).map((holder) => budget.dueAt(holder));
    expect(next[0]).toBeGreaterThan(1200);
    expect(next[0]).toBeLessThan(1200.4);
    expect(next).toEqual(next.toSorted((a, b) => a - b));
  });

  it('never does much work in one call on a slow machine, and comes to an end', () => {
    const { budget, holders } = queueOf(2000);
    let waiting = holders.filter(({ turnAt }) => turnAt < Infinity);
    let most = 0;
    for (let now = 1000.2; waiting.length > 0;) {
      const taken = takeDue(budget, waiting, now);
      most = Math.max(most, taken.length);
      waiting = waiting.filter((holder) => !taken.includes(holder));
      // Each piece of work takes five times its price.
      now += Math.max(taken.length * 0.6, 0.1);
    }
    expect(most).toBeLessThan(20);
  });

  it('does not treat a call as late because a turn was left unused', () => {
    const { budget } = queueOf(18);
    const unused = { turnAt: 1000.1 };
    for (let now = 1000; now < 1010; now++) budget.isItsTurn({ turnAt: Infinity }, now);
    const { waiting } = fill(budget, 50, 5000);
    const before = budget.dueAt(waiting);
    budget.isItsTurn({ turnAt: Infinity }, 5000.05);
    expect(budget.isItsTurn(unused, 5000.1)).toBe(true);
    expect(budget.dueAt(waiting)).toBe(before);
  });

  it('forgets the delay of late calls when no holder waits', () => {
    const { budget, holders } = queueOf(100);
    const waiting = holders.filter(({ turnAt }) => turnAt < Infinity);
    for (let now = 1500; waiting.some(({ turnAt }) => turnAt < Infinity); now += 20) {
      for (const holder of takeDue(budget, waiting, now)) budget.spendTurn(holder, now);
    }
    const { waiting: later } = fill(budget, 18, 9000);
    expect(budget.dueAt(later)).toBeCloseTo(9000.1);
  });
});

/** Returns a budget, and holders that have asked for a turn at 1000 ms, one after the other. */
function queueOf(count: number): { budget: TurnBudget; holders: TurnHolder[] } {
  const budget = new TurnBudget(0.4, 2, 0.12);
  return { budget, holders: fill(budget, count, 1000).holders };
}

function fill(
  budget: TurnBudget,
  count: number,
  now: number,
): { holders: TurnHolder[]; waiting: TurnHolder } {
  const holders = Array.from({ length: count }, () => ({ turnAt: Infinity }));
  for (const holder of holders) {
    if (budget.isItsTurn(holder, now)) budget.spendTurn(holder, now);
  }
  return { holders, waiting: holders.at(-1)! };
}

/**
 * Asks for each holder whose turn is due, as its timer would. Returns the holders that may work.
 */
function takeDue(budget: TurnBudget, holders: readonly TurnHolder[], now: number): TurnHolder[] {
  return holders.filter((holder) => budget.dueAt(holder) <= now && budget.isItsTurn(holder, now));
}
