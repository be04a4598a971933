/**
 * `settledMemory`: what is in use when nothing is left to collect.
 *
 * @module
 */

export interface Memory {
  /** JavaScript objects and array buffers, bytes. */
  heap: number;
  /** Resident set, bytes. */
  resident: number;
}

/** @throws {Error} the process runs without --expose-gc */
export function settledMemory(): Memory {
  const { gc } = globalThis as { gc?: () => void };
  if (!gc) throw new Error('run with --expose-gc');
  // The second one frees what the finalizers of the first let go.
  gc();
  gc();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, resident: rss };
}
