import { describe, expect, it } from 'vitest';
import { CAPACITY, JobRing } from '../../src/threads/job-ring.ts';

describe('JobRing', () => {
  it('gives each job to one thread', () => {
    const ring = new JobRing();
    const other = new JobRing(ring.memory);
    expect(ring.claimNext(0)).toBe(-1);
    ring.publish(0);
    ring.publish(1);
    expect(ring.published).toBe(2);
    expect(other.claimNext(1)).toBe(0);
    expect(ring.claim(0, 0)).toBe(false);
    expect(ring.claimant(0)).toBe(1);
    expect(ring.isDone(0)).toBe(false);
    expect(ring.claimNext(0)).toBe(1);
    expect(other.claimNext(1)).toBe(-1);
    other.finish(0);
    expect(ring.isDone(0)).toBe(true);
    expect(ring.claimant(0)).toBe(-1);
  });

  it('uses its slots again, also when the numbers of jobs wrap around', () => {
    const ring = new JobRing();
    ring.publish(2 ** 31 - 1);
    expect(ring.published).toBe(-(2 ** 31));
    expect(ring.claim(2 ** 31 - 1, 0)).toBe(true);
    ring.finish(2 ** 31 - 1);
    expect(ring.claim(2 ** 31 - 1, 0)).toBe(false);
    ring.publish(CAPACITY);
    expect(ring.claim(0, 3)).toBe(true);
  });

  it('does not sleep while there is a job that the thread has not seen, or after the end', () => {
    const ring = new JobRing();
    const seen = ring.published;
    ring.publish(0);
    ring.wait(seen);
    expect(ring.hasEnded).toBe(false);
    const late = ring.published;
    ring.end();
    ring.wait(late);
    expect(ring.hasEnded).toBe(true);
  });
});
