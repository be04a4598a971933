import { describe, expect, it } from 'vitest';
import type { ThreadPriority } from '@litz/sys';
import { LoopPriority } from '../../src/linux/loop-priority.ts';

describe('LoopPriority', () => {
  it('sets the real-time priority in the first turn', () => {
    const { priority, calls } = create();
    expect(priority.isRealtime).toBe(false);
    priority.observe(0, 0);
    expect(priority.isRealtime).toBe(true);
    expect(priority.due).toBe(Infinity);
    expect(calls).toEqual(['realtime']);
  });

  it('stays normal, and does not ask again, if the system refuses it', () => {
    const { priority, calls } = create(() => false);
    priority.observe(0, 0);
    work(priority, { from: 0, forMs: 5000, turnMs: 10, sleepMs: 0 });
    expect(priority.isRealtime).toBe(false);
    expect(priority.due).toBe(Infinity);
    expect(calls).toEqual(['realtime']);
  });

  it('keeps it while the loop works for 90 % of the time, and wakes up 10 times per ms', () => {
    const { priority, calls } = create();
    priority.observe(0, 0);
    work(priority, { from: 0, forMs: 5000, turnMs: 0.09, sleepMs: 0.01 });
    expect(calls).toEqual(['realtime']);
  });

  it('is normal for 200 ms after the loop did not sleep for 100 ms', () => {
    const { priority, calls } = create();
    priority.observe(0, 0);
    work(priority, { from: 0, forMs: 99, turnMs: 1, sleepMs: 0 });
    expect(priority.isRealtime).toBe(true);
    work(priority, { from: 99, forMs: 1, turnMs: 1, sleepMs: 0 });
    expect(priority.isRealtime).toBe(false);
    expect(priority.due).toBe(300);
    work(priority, { from: 100, forMs: 199, turnMs: 1, sleepMs: 0 });
    expect(priority.isRealtime).toBe(false);
    work(priority, { from: 299, forMs: 1, turnMs: 1, sleepMs: 0 });
    expect(priority.isRealtime).toBe(true);
    expect(calls).toEqual(['realtime', 'normal', 'realtime']);
  });

  it('has the priority for at most a twentieth of the time of a loop that never sleeps', () => {
    const { priority } = create();
    priority.observe(0, 0);
    const realtimeMs = work(priority, { from: 0, forMs: 60_000, turnMs: 1, sleepMs: 0 });
    expect(realtimeMs).toBeLessThan(3000);
  });

  it('judges a long turn after a long sleep by itself', () => {
    const { priority } = create();
    priority.observe(0, 0);
    priority.observe(10_000, 10_150);
    expect(priority.isRealtime).toBe(false);
  });

  it('is normal after `rest`, until the next turn that ends 200 ms later', () => {
    const { priority, calls } = create();
    priority.rest(0);
    expect(calls).toEqual([]);
    priority.observe(0, 0);
    priority.rest(10);
    expect(priority.due).toBe(210);
    priority.observe(209, 209.5);
    expect(priority.isRealtime).toBe(false);
    priority.observe(210, 210.5);
    expect(priority.isRealtime).toBe(true);
    expect(calls).toEqual(['realtime', 'normal', 'realtime']);
  });

  it('is normal for a longer time, up to 4 s, each time that the loop still wakes up too often', () => {
    const { priority } = create();
    priority.observe(0, 0);
    const rests: number[] = [];
    let restingSince = NaN;
    for (let now = 0; now < 30_000; now += 0.05) {
      const before = priority.isRealtime;
      priority.observe(now, now + 0.01);
      if (before && !priority.isRealtime) restingSince = now;
      if (!before && priority.isRealtime) rests.push(Math.round((now - restingSince) / 100) * 100);
    }
    expect(rests.slice(0, 7)).toEqual([200, 400, 800, 1600, 3200, 4000, 4000]);
  });

  it('is normal for a short time again after a second with fewer turns', () => {
    const { priority } = create();
    priority.observe(0, 0);
    work(priority, { from: 0, forMs: 3000, turnMs: 0.01, sleepMs: 0.04 });
    work(priority, { from: 3000, forMs: 10_000, turnMs: 0.5, sleepMs: 0.5 });
    expect(priority.isRealtime).toBe(true);
    work(priority, { from: 13_000, forMs: 200, turnMs: 0.01, sleepMs: 0.04 });
    expect(priority.isRealtime).toBe(false);
    work(priority, { from: 13_200, forMs: 200, turnMs: 0.5, sleepMs: 0.5 });
    expect(priority.isRealtime).toBe(true);
  });
});

function create(answer: () => boolean = () => true): {
  priority: LoopPriority;
  calls: ThreadPriority[];
} {
  const calls: ThreadPriority[] = [];
  const priority = new LoopPriority((wanted) => {
    calls.push(wanted);
    return answer();
  });
  return { priority, calls };
}

interface Load {
  from: number;
  forMs: number;
  turnMs: number;
  sleepMs: number;
}

/** Lets the loop work and sleep in turn. Returns for how many ms it had the real-time priority. */
function work(priority: LoopPriority, { from, forMs, turnMs, sleepMs }: Load): number {
  const turns = Math.round(forMs / (turnMs + sleepMs));
  let realtime = 0;
  for (let i = 0; i < turns; i++) {
    const now = from + i * (turnMs + sleepMs);
    if (priority.isRealtime) realtime++;
    priority.observe(now, now + turnMs);
  }
  return realtime * (turnMs + sleepMs);
}
