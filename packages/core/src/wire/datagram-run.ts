/**
 * `DatagramRun`: datagrams to one destination that stand at equal distances in a buffer.
 *
 * ```
 *   offset              offset + stride     offset + 2 * stride
 *   | datagram, length  | datagram, length  | datagram, lastLength
 * ```
 * What a run of packets becomes, and what sockets send at once: the kernel takes datagrams of one length
 * as one message (UDP_SEGMENT). They may touch, and not overlap. One datagram is a run of one.
 *
 * @module
 */
import type { Endpoint } from '../endpoint.ts';

export interface DatagramRun {
  readonly buffer: Uint8Array;
  /** Where the first datagram begins. */
  readonly offset: number;
  /** Of each datagram, in bytes. */
  readonly length: number;
  /** Of the last datagram; no more than `length`. */
  readonly lastLength: number;
  /** From one datagram to the next, in bytes; no less than `length`. Of one datagram it says nothing. */
  readonly stride: number;
  /** 1 or more. */
  readonly count: number;
  readonly destination: Endpoint;
  /** The whole TOS or traffic class byte, DSCP and ECN. */
  readonly tos: number;
}
