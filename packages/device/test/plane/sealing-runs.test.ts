import { Endpoint, type DatagramRun } from '@litz/core';
import { describe, expect, it } from 'vitest';
import { SealingRuns, type SealingThreads } from '../../src/plane/sealing-runs.ts';

const BUFFER = new Uint8Array(4096);
const DESTINATION = new Endpoint(Uint8Array.of(192, 0, 2, 1), 51820);

describe('SealingRuns', () => {
  it('returns runs in the order in which they came, each when it is sealed', () => {
    const threads = new Counted();
    const runs = new SealingRuns(threads);
    for (let i = 0; i < 3; i++) {
      threads.mark = i + 1;
      runs.push(run(i * 64));
    }
    expect(runs.takeSealed()).toBeUndefined();
    threads.done = 2;
    expect(runs.takeSealed()).toMatchObject({ ...run(0), tos: 3 });
    expect(runs.offset).toBe(64);
    expect(runs.takeSealed()?.offset).toBe(64);
    expect(runs.takeSealed()).toBeUndefined();
    expect(runs.awaitFirst().offset).toBe(128);
    expect(threads.waited).toEqual([3]);
    expect(runs.isEmpty).toBe(true);
    expect(runs.takeSealed()).toBeUndefined();
  });

  it('is full after 64 runs, and keeps the order when its ring begins again', () => {
    const threads = new Counted();
    const runs = new SealingRuns(threads);
    for (let i = 0; i < 40; i++) runs.push(run(i));
    for (let i = 0; i < 40; i++) expect(runs.awaitFirst().offset).toBe(i);
    for (let i = 0; i < 64; i++) {
      expect(runs.isFull).toBe(false);
      runs.push(run(100 + i));
    }
    expect(runs.isFull).toBe(true);
    for (let i = 0; i < 64; i++) expect(runs.awaitFirst().offset).toBe(100 + i);
  });

  it('copies the fields of a run, because the engine uses its object again', () => {
    const runs = new SealingRuns(new Counted());
    const changing = { ...run(64) };
    runs.push(changing);
    changing.offset = 128;
    changing.count = 9;
    expect(runs.awaitFirst()).toMatchObject(run(64));
  });
});

/** Fake threads. They have sealed everything up to the mark `done`. */
class Counted implements SealingThreads {
  mark = 0;
  done = 0;
  readonly waited: (number | undefined)[] = [];
  readonly running = 2;
  readonly isBusy = true;

  hasFinished(mark: number): boolean {
    return mark <= this.done;
  }

  finish(mark?: number): void {
    this.waited.push(mark);
  }

  open(): void {}
  close(): void {}
}

function run(offset: number): DatagramRun {
  return {
    buffer: BUFFER,
    offset,
    length: 60,
    lastLength: 40,
    stride: 64,
    count: 2,
    destination: DESTINATION,
    tos: 3,
  };
}
