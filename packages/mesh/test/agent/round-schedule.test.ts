import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { RoundSchedule } from '../../src/agent/round-schedule.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe('RoundSchedule', () => {
  test('runs one round for all requests within the delay', async () => {
    const { schedule, begun } = worked();
    schedule.request();
    await vi.advanceTimersByTimeAsync(40);
    schedule.request();
    await vi.advanceTimersByTimeAsync(9);
    expect(begun).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(begun).toEqual([50]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(begun).toEqual([50]);
  });

  test('runs a round at once on request, although an earlier request was for a later time', async () => {
    const { schedule, begun } = worked();
    schedule.request(2000);
    await vi.advanceTimersByTimeAsync(100);
    schedule.request(0);
    await vi.advanceTimersByTimeAsync(0);
    expect(begun).toEqual([100]);
    // This round also served the request for the later time.
    await vi.advanceTimersByTimeAsync(5000);
    expect(begun).toEqual([100]);
  });

  test('runs one more round for requests that come during a round', async () => {
    const { schedule, begun } = worked({ takesMs: 500 });
    schedule.request(0);
    await vi.advanceTimersByTimeAsync(100);
    schedule.request(2000);
    schedule.request();
    await vi.advanceTimersByTimeAsync(5000);
    expect(begun).toEqual([0, 550]);
  });

  test('counts the delay from the end of the round if the request comes during a round', async () => {
    const { schedule, begun } = worked({ takesMs: 500 });
    schedule.request(0);
    await vi.advanceTimersByTimeAsync(100);
    schedule.request(2000);
    await vi.advanceTimersByTimeAsync(5000);
    expect(begun).toEqual([0, 2500]);
  });

  test('never runs two rounds at once, however many callers wait', async () => {
    const { schedule, begun, most } = worked({ takesMs: 500 });
    schedule.request(0);
    await vi.advanceTimersByTimeAsync(100);
    const waiting = Promise.all([schedule.runNow(), schedule.runNow(), schedule.runNow()]);
    await vi.advanceTimersByTimeAsync(5000);
    await waiting;
    expect(begun).toEqual([0, 500, 1000, 1500]);
    expect(most()).toBe(1);
  });

  test('reports a failure to the caller that waits, and runs a round that was requested meanwhile', async () => {
    const { schedule, begun } = worked({ takesMs: 500, fails: 1 });
    const failed = schedule.runNow().catch((error: Error) => error.message);
    await vi.advanceTimersByTimeAsync(100);
    schedule.request();
    await vi.advanceTimersByTimeAsync(5000);
    await expect(failed).resolves.toBe('round 1');
    expect(begun).toEqual([0, 550]);
  });

  test('passes the error to onFailure if no caller waits, and waits as long as onFailure requests', async () => {
    const { schedule, begun, failures } = worked({ takesMs: 500, fails: 1 });
    schedule.request(0);
    await vi.advanceTimersByTimeAsync(2499);
    expect(begun).toEqual([0]);
    await vi.advanceTimersByTimeAsync(5000);
    expect(begun).toEqual([0, 2500]);
    expect(failures).toEqual(['round 1']);
  });

  test('starts no round after it was closed', async () => {
    const { schedule, begun } = worked({ takesMs: 500 });
    schedule.request(0);
    await vi.advanceTimersByTimeAsync(100);
    const waiting = schedule.runNow();
    schedule.request();
    const closed = schedule.close();
    await vi.advanceTimersByTimeAsync(5000);
    await Promise.all([waiting, closed]);
    schedule.request(0);
    await vi.advanceTimersByTimeAsync(5000);
    expect(begun).toEqual([0]);
  });
});

interface Work {
  readonly takesMs?: number;
  /** The number of rounds that fail, from the first one on. */
  readonly fails?: number;
}

/**
 * `begun`: the start of each round, in ms after the call of `worked`. `most`: the greatest number
 * of rounds at once.
 */
function worked({ takesMs = 0, fails = 0 }: Work = {}): {
  schedule: RoundSchedule;
  begun: number[];
  failures: string[];
  most: () => number;
} {
  const start = performance.now();
  const begun: number[] = [];
  const failures: string[] = [];
  let [running, most] = [0, 0];
  const schedule = new RoundSchedule(
    async () => {
      most = Math.max(most, ++running);
      const number = begun.push(performance.now() - start);
      await new Promise((resolve) => setTimeout(resolve, takesMs));
      running--;
      if (number <= fails) throw new Error(`round ${number}`);
    },
    {
      delayMs: 50,
      onFailure: ({ message }) => {
        failures.push(message);
        schedule.request(2000);
      },
    },
  );
  return { schedule, begun, failures, most: () => most };
}
