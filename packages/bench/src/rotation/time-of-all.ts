/**
 * `timeOfAll`: a clock in ms that all processes of a measurement share.
 *
 * @module
 */

/** Returns the time in ms since 1970. It does not jump while a process runs. */
export function timeOfAll(): number {
  return performance.timeOrigin + performance.now();
}
