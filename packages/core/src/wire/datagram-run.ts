/**
 * `DatagramRun`: datagrams to one destination, at equal distances in a buffer.
 *
 * ```
 *   offset              offset + stride     offset + 2 * stride
 *   | datagram, length  | datagram, length  | datagram, lastLength
 * ```
 * A run of packets becomes a run of datagrams, which a socket can give to the kernel all at once
 * (UDP_SEGMENT). The datagrams may touch, but must not overlap. A single datagram is a run of one.
 *
 * @module
 */
import type { Endpoint } from '../endpoint.ts';

/** Datagrams to one destination, borrowed for the call: `count` datagrams in `buffer`. */
export interface DatagramRun {
  readonly buffer: Uint8Array;
  /** Where the first datagram begins, in bytes. */
  readonly offset: number;
  /** The length of each datagram but the last, in bytes. */
  readonly length: number;
  /** The length of the last datagram in bytes, at most `length`. */
  readonly lastLength: number;
  /**
   * The distance from one datagram to the next in bytes, at least `length`. It has no meaning for a
   * run of one.
   */
  readonly stride: number;
  /** The number of datagrams, 1 or more. */
  readonly count: number;
  readonly destination: Endpoint;
  /** The whole TOS or traffic class byte, DSCP and ECN. */
  readonly tos: number;
}
