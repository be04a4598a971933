import { describe, expect, it, vi } from 'vitest';
import type { CipherThreads, CipherThreadStart } from '@litz/openssl';
import { idleTicks, SealingPool } from '../../src/linux/sealing-pool.ts';

const end = vi.fn();

function fakeThreads(most: number): CipherThreads {
  return { most, running: 3, start: startOf, end } as unknown as CipherThreads;
}

function startOf(number: number): CipherThreadStart {
  return { ring: new SharedArrayBuffer(4), states: new SharedArrayBuffer(4), number };
}

describe('SealingPool', () => {
  it('starts a fixed number of threads at once', () => {
    const started: number[] = [];
    const threads = fakeThreads(3);
    const pool = new SealingPool(threads, 3, ({ number }) => started.push(number));
    expect(started).toEqual([1, 2]);
    for (let now = 0; now < 5000; now++) pool.observe(now - 1, now, now * 800_000);
    expect(started).toEqual([1, 2]);
    expect(pool.running).toBe(3);
    pool.end();
    expect(end).toHaveBeenCalledOnce();
  });

  it("starts no thread with 'auto' while the packet loop has nothing to do", () => {
    const started: number[] = [];
    const pool = new SealingPool(fakeThreads(2), 'auto', ({ number }) => started.push(number));
    for (let now = 0; now < 5000; now++) pool.observe(now, now, now * 800_000);
    expect(started).toEqual([]);
  });
});

describe('idleTicks', () => {
  it('adds the idle time and the time of waiting for disks', () => {
    const stat = 'cpu  10 20 30 400 5 0 7 0 0 0\ncpu0 1 2 3 4 5 6\n';
    expect(idleTicks(stat)).toBe(405);
  });
});
