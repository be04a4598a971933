/**
 * `timestampOf`: the clock of the timestamps of a connection.
 *
 * @module
 */
import type { Connection } from './connection.ts';

/** Returns the clock at `now`: one tick per ms, from a random value on (RFC 7323 5.4, 7). */
export function timestampOf(c: Connection, now: number): number {
  return (Math.floor(now % 2 ** 32) + c.timestampOffset) | 0;
}
