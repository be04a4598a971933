/**
 * `Clock`: time and timers, provided by the caller, so that a test of minutes takes no time.
 *
 * @module
 */

/** The time and timers of a registry. Tests use one that they move. */
export interface Clock {
  /** Returns a monotonic time in milliseconds. */
  now(): number;
  /**
   * Calls `run` once after `ms` milliseconds, at the latest after 24 days. The returned function
   * cancels that.
   */
  after(ms: number, run: () => void): () => void;
}

/** The clock of this process. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, run) {
    // Node.js would turn a longer time into one millisecond.
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
