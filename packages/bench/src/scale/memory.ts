/**
 * `settledMemory`: returns the memory in use after garbage collection.
 *
 * @module
 */

export interface Memory {
  /** JavaScript objects and array buffers, bytes. */
  heap: number;
  /** Resident set, bytes. */
  resident: number;
}

/**
 * Collects garbage, and returns the memory in use.
 *
 * @throws {Error} Node.js runs without --expose-gc
 */
export function settledMemory(): Memory {
  const { gc } = globalThis as { gc?: () => void };
  if (!gc) throw new Error('run with --expose-gc');
  // The second collection frees what the finalizers of the first one have released.
  gc();
  gc();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, resident: rss };
}
