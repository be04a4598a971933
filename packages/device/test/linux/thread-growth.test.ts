import { describe, expect, it } from 'vitest';
import { ThreadGrowth, type GrowthStep } from '../../src/linux/thread-growth.ts';

/** A simulated packet loop and its machine. Each millisecond is one turn of the loop. */
class Loop {
  idle = 2;
  bytesPerMs = 800_000;
  /** The share of each ms in which the loop works. */
  busy = 1;
  /** How often `ThreadGrowth` has asked for the idle time. */
  looks = 0;
  readonly steps: GrowthStep[] = [];
  readonly #growth: ThreadGrowth;
  /** In ms. The machine has been running for 10 s. */
  #now = 10_000;
  #bytes = 0;

  constructor(most: number) {
    const idleCores = (): number => {
      this.looks++;
      return this.idle;
    };
    this.#growth = new ThreadGrowth({ most, idleCores });
  }

  /** Runs for `ms`. @returns the steps that `ThreadGrowth` asked for in that time */
  run(ms: number): GrowthStep[] {
    const before = this.steps.length;
    for (const end = this.#now + ms; this.#now < end; this.#now++) {
      this.#bytes += this.bytesPerMs;
      const step = this.#growth.observe(this.#now - this.busy, this.#now, this.#bytes);
      if (step !== 'none') this.steps.push(step);
    }
    return this.steps.slice(before);
  }

  sleep(ms: number): void {
    this.#now += ms;
  }
}

/** Returns a loop that has started one thread, or two if `most` is 3. The first one has helped. */
function grown(most = 2): Loop {
  const loop = new Loop(most);
  expect(loop.run(600)).toEqual(['start']);
  loop.bytesPerMs *= 1.4;
  expect(loop.run(1100)).toEqual(most === 2 ? [] : ['start']);
  return loop;
}

describe('ThreadGrowth', () => {
  it('starts a thread while the packet loop never sleeps and a part of a core is idle', () => {
    const loop = new Loop(2);
    loop.idle = 0.4;
    expect(loop.run(600)).toEqual(['start']);
    loop.bytesPerMs *= 1.4;
    expect(loop.run(60_000)).toEqual([]);
  });

  it('starts nothing while the packet loop sleeps now and then', () => {
    const loop = new Loop(4);
    loop.busy = 0.8;
    expect(loop.run(5000)).toEqual([]);
    expect(loop.looks).toBe(0);
  });

  it('starts nothing where the cores are in use', () => {
    const loop = new Loop(4);
    loop.idle = 0.2;
    expect(loop.run(60_000)).toEqual([]);
  });

  it('starts nothing while something other than packets keeps the loop busy', () => {
    const loop = new Loop(4);
    loop.bytesPerMs = 1000;
    expect(loop.run(5000)).toEqual([]);
  });

  it('starts nothing for a burst', () => {
    const loop = new Loop(4);
    for (let i = 0; i < 10; i++) {
      expect(loop.run(350)).toEqual([]);
      loop.sleep(1000);
    }
  });

  it('measures the idle time over several windows in a row that all have load', () => {
    const loop = new Loop(2);
    loop.run(202);
    // The first request for the idle time only begins the measurement.
    expect(loop.looks).toBe(1);
    loop.busy = 0.5;
    loop.run(200);
    loop.busy = 1;
    loop.idle = 0.1;
    expect(loop.run(450)).toEqual([]);
    loop.idle = 0.5;
    expect(loop.run(350)).toEqual(['start']);
  });

  it('lets a thread rest that does not help, and tries it again after 10 s, 20 s and more', () => {
    const loop = new Loop(2);
    expect(loop.run(5000)).toEqual(['start', 'rest']);
    expect(loop.run(5000)).toEqual([]);
    expect(loop.run(5000)).toEqual(['resume', 'rest']);
    expect(loop.run(15_000)).toEqual([]);
    expect(loop.run(10_000)).toEqual(['resume', 'rest']);
    const later = loop.run(10_000_000);
    expect(later.length).toBeGreaterThan(20);
    expect(later.length).toBeLessThan(100);
  });

  it('judges a thread by the speed some time after its start, not by the speed while it starts', () => {
    const loop = new Loop(2);
    loop.run(600);
    loop.bytesPerMs *= 0.5;
    loop.run(300);
    loop.bytesPerMs *= 2.8;
    expect(loop.run(20_000)).toEqual([]);
  });

  it('starts more threads as long as each of them helps', () => {
    const loop = grown(3);
    loop.bytesPerMs *= 1.3;
    expect(loop.run(60_000)).toEqual([]);
  });

  it('keeps the threads while the loop carries more than it could alone, even if it sleeps', () => {
    const loop = grown();
    loop.busy = 0.6;
    loop.bytesPerMs = 810_000;
    expect(loop.run(60_000)).toEqual([]);
    // The packet loop can carry this alone.
    loop.bytesPerMs = 600_000;
    expect(loop.run(900)).toEqual([]);
    expect(loop.run(400)).toEqual(['rest']);
  });

  it('keeps the threads while the loop is busy with packets that cost more', () => {
    const loop = grown();
    loop.bytesPerMs = 200_000;
    expect(loop.run(60_000)).toEqual([]);
  });

  it('keeps the threads in a short pause', () => {
    const loop = grown();
    loop.sleep(500);
    expect(loop.run(60_000)).toEqual([]);
  });

  it('lets the threads rest after the stream, and uses them again in the next one', () => {
    const loop = grown();
    loop.sleep(5000);
    expect(loop.run(1)).toEqual(['rest']);
    loop.bytesPerMs = 800_000;
    expect(loop.run(600)).toEqual(['resume']);
  });
});
