/**
 * Statistics of several samples.
 *
 * @module
 */

/** Returns the median. @throws {RangeError} there are no samples */
export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5);
}

/**
 * Returns a quantile, with linear interpolation between the two nearest samples.
 *
 * @param part 0 to 1
 * @throws {RangeError} there are no samples, or `part` is out of range
 */
export function quantile(samples: readonly number[], part: number): number {
  if (samples.length === 0) throw new RangeError('"samples" expected at least one');
  if (!(part >= 0 && part <= 1)) throw new RangeError(`"part" expected 0 to 1, got ${part}`);
  const sorted = [...samples].sort((a, b) => a - b);
  const at = part * (sorted.length - 1);
  const below = Math.floor(at);
  const low = sorted[below] ?? 0;
  const high = sorted[below + 1] ?? low;
  return low + (high - low) * (at - below);
}

/** Returns the mean. @throws {RangeError} there are no samples */
export function mean(samples: readonly number[]): number {
  if (samples.length === 0) throw new RangeError('"samples" expected at least one');
  return samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
}
