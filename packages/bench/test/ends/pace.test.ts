import { describe, expect, it } from 'vitest';
import { Pace } from '../../src/ends/pace.ts';

/**
 * Sends for `windows` windows of 50 ms to a daemon that takes at most `most` packets per ms.
 * Returns the time at the end, in ms.
 */
function run(pace: Pace, most: number, windows: number): number {
  let now = 0;
  for (let i = 0; i < windows; i++) {
    let sent = 0;
    for (let ms = 0; ms < 50; ms++) {
      const due = pace.due(++now);
      pace.countSent(due);
      sent += due;
    }
    pace.adapt(now, Math.min(sent, most * 50));
  }
  return now;
}

describe('Pace', () => {
  it('settles a tenth above the rate that is taken, if it begins too slowly', () => {
    const pace = new Pace(0, 20);
    const now = run(pace, 700, 60);
    pace.settle(now);
    expect(pace.perMs).toBeCloseTo(770, 0);
    expect(pace.due(now + 2)).toBe(1540);
  });

  it('settles a tenth above the rate that is taken, if it begins too fast', () => {
    const pace = new Pace(0, 5000);
    const now = run(pace, 300, 20);
    pace.settle(now);
    expect(pace.perMs).toBeCloseTo(330, 0);
  });

  it('lets the sender send only the packets of the last 4 ms after a longer delay', () => {
    const pace = new Pace(0, 100);
    expect(pace.due(4)).toBe(400);
    expect(pace.due(1000)).toBe(400);
    pace.countSent(400);
    expect(pace.due(1001)).toBe(100);
  });

  it('allows a slow sender more than the packets of 4 ms: up to 64, as many as one system call sends', () => {
    const pace = new Pace(0, 1);
    expect(pace.due(63)).toBe(63);
    expect(pace.due(500)).toBe(64);
  });

  it('does not stop when nothing is taken', () => {
    const pace = new Pace(0, 100);
    run(pace, 0, 20);
    expect(pace.perMs).toBeGreaterThan(0);
  });
});
