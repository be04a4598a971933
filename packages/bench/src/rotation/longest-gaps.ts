/**
 * `longestGaps`: the longest gap of each part of a stream.
 *
 * @module
 */
import type { Gap } from './received-numbers.ts';

/**
 * Returns the longest gap that ended in each part; 0: it has no gap.
 *
 * @param gaps the gaps of all directions of the stream, in any order
 * @param starts the times at which the parts begin, in ascending order. A part ends where the next
 *   one begins. The last one is only an end.
 */
export function longestGaps(gaps: readonly Gap[], starts: readonly number[]): number[] {
  return starts.slice(1).map((end, i) => {
    const start = starts[i]!;
    const within = gaps.filter(({ endedAt }) => endedAt >= start && endedAt < end);
    return Math.max(0, ...within.map(({ ms }) => ms));
  });
}
