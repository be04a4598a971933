import { describe, expect, it } from 'vitest';
import { ThreadGrowth, type GrowthStep } from '../../src/linux/thread-growth.ts';

/** Simulates a packet loop and the cores of its machine. */
class Loop {
  idle = 2;
  perMs = 500;
  isFull = true;
  readonly steps: GrowthStep[] = [];
  readonly #growth: ThreadGrowth;
  #now = 0;
  #packets = 0;

  constructor(most: number) {
    this.#growth = new ThreadGrowth({ most, idleCores: () => this.idle });
  }

  run(ms: number): GrowthStep[] {
    const before = this.steps.length;
    for (const end = this.#now + ms; this.#now < end; this.#now++) {
      this.#packets += this.perMs;
      const step = this.#growth.observe(this.#now, this.#packets, this.isFull);
      if (step !== 'none') this.steps.push(step);
    }
    return this.steps.slice(before);
  }
}

describe('ThreadGrowth', () => {
  it('starts a thread while the packet loop cannot keep up and a core is idle', () => {
    const loop = new Loop(2);
    expect(loop.run(600)).toEqual(['start']);
    loop.perMs = 900;
    expect(loop.run(5000)).toEqual([]);
  });

  it('starts nothing without load, or without an idle core', () => {
    const calm = new Loop(4);
    calm.isFull = false;
    expect(calm.run(5000)).toEqual([]);
    const busy = new Loop(4);
    busy.idle = 0.3;
    expect(busy.run(5000)).toEqual([]);
  });

  it('lets a thread rest that does not help, and tries it again later', () => {
    const loop = new Loop(2);
    expect(loop.run(5000)).toEqual(['start', 'rest']);
    expect(loop.run(20_000)).toEqual(['resume', 'rest']);
    expect(loop.run(5000)).toEqual([]);
  });

  it('starts more threads as long as each of them helps', () => {
    const loop = new Loop(3);
    loop.run(600);
    loop.perMs = 900;
    expect(loop.run(400)).toEqual(['start']);
    loop.perMs = 1200;
    expect(loop.run(5000)).toEqual([]);
  });

  it('lets the threads rest after the stream, and uses them again in the next one', () => {
    const loop = new Loop(2);
    loop.run(600);
    loop.perMs = 900;
    loop.run(1000);
    loop.isFull = false;
    expect(loop.run(2000)).toEqual(['rest']);
    loop.isFull = true;
    expect(loop.run(600)).toEqual(['resume']);
  });
});
