/**
 * `countCollections`: counts the collections that V8 reports with `--trace-gc`.
 *
 * @module
 */

export interface Collections {
  /** Collections of the young generation. V8 makes one when the young generation is full. */
  scavenges: number;
  /** Collections of the whole heap. */
  markCompacts: number;
}

/** Counts the collections of all isolates of the process, including worker threads. */
export function countCollections(output: string): Collections {
  return {
    scavenges: output.match(/ ms: Scavenge\b/g)?.length ?? 0,
    markCompacts: output.match(/ ms: Mark-Compact\b/g)?.length ?? 0,
  };
}

/** V8 flags: report collections, and use a young generation of one MiB. */
export const TRACE_FLAGS: readonly string[] = ['--trace-gc', '--max-semi-space-size=1'];
