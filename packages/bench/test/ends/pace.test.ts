import { describe, expect, it } from 'vitest';
import { Pace } from '../../src/ends/pace.ts';

/** Sends for a while to a daemon that takes at most `most` packets per ms. */
function run(pace: Pace, most: number, windows: number): number {
  let now = 0;
  for (let i = 0; i < windows; i++) {
    now += 50;
    const due = pace.due(now);
    pace.countSent(due);
    pace.adapt(now, Math.min(due, most * 50));
  }
  return now;
}

describe('Pace', () => {
  it('finds a rate a tenth above what is taken, from below', () => {
    const pace = new Pace(0, 20);
    const now = run(pace, 700, 60);
    pace.settle(now);
    expect(pace.perMs).toBeCloseTo(770, 0);
    expect(pace.due(now + 10)).toBe(7700);
  });

  it('finds it from above', () => {
    const pace = new Pace(0, 5000);
    const now = run(pace, 300, 20);
    pace.settle(now);
    expect(pace.perMs).toBeCloseTo(330, 0);
  });

  it('does not stop when nothing is taken', () => {
    const pace = new Pace(0, 100);
    run(pace, 0, 20);
    expect(pace.perMs).toBeGreaterThan(0);
  });
});
