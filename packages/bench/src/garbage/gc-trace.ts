/**
 * `countCollections`: what V8 tells with `--trace-gc`.
 *
 * @module
 */

export interface Collections {
  /** Of the young generation: one for each time that it is full. */
  scavenges: number;
  /** Of everything. */
  markCompacts: number;
}

/** Of all isolates of the process, worker threads too. */
export function countCollections(output: string): Collections {
  return {
    scavenges: output.match(/ ms: Scavenge\b/g)?.length ?? 0,
    markCompacts: output.match(/ ms: Mark-Compact\b/g)?.length ?? 0,
  };
}

/** Before the program: V8 tells, and its young generation is full after one MiB. */
export const TRACE_FLAGS: readonly string[] = ['--trace-gc', '--max-semi-space-size=1'];
