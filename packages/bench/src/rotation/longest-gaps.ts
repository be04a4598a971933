/**
 * `longestGaps`: the longest gap of each part of a stream.
 *
 * @module
 */
import type { Gap } from './received-numbers.ts';

/**
 * Returns for each part of a stream the longest gap that ended in it; 0: no gap ended in it.
 *
 * @param gaps the gaps of all directions of the stream, in any order
 * @param starts the times at which the parts begin, in ascending order. A part ends where the next
 *   one begins. The last time is only the end of the last part.
 */
export function longestGaps(gaps: readonly Gap[], starts: readonly number[]): number[] {
  return starts.slice(1).map((end, i) => {
    const start = starts[i]!;
    const within = gaps.filter(({ endedAt }) => endedAt >= start && endedAt < end);
    return Math.max(0, ...within.map(({ ms }) => ms));
  });
}
