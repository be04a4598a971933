/**
 * `Clock`: time and timers. The caller provides them, so a test that simulates minutes takes no
 * real time.
 *
 * @module
 */

/** The time and timers of a registry. Tests use a clock that they move themselves. */
export interface Clock {
  /** Returns a monotonic time in milliseconds. */
  now(): number;
  /**
   * Calls `run` once after `ms` milliseconds, or after 24 days if `ms` is longer. The returned
   * function cancels the call.
   */
  after(ms: number, run: () => void): () => void;
}

/** The clock of this process. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, run) {
    // If the time were longer, Node.js would call `run` after one millisecond.
    const timer = setTimeout(run, Math.min(ms, LONGEST_TIMEOUT_MS));
    return () => clearTimeout(timer);
  },
};

/** Resolves after `ms` milliseconds, or as soon as the signal is aborted. */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(ms, done);
    signal.addEventListener('abort', done, { once: true });
  });
}

/** The longest time of a timer of Node.js. */
const LONGEST_TIMEOUT_MS: number = 2 ** 31 - 1;
