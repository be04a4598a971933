/**
 * `PacketRun`: packets of one flow, at equal distances in a buffer.
 *
 * ```
 *   offset            offset + stride     offset + 2 * stride
 *   | packet, length  | packet, length    | packet, lastLength
 * ```
 * A super-packet is split into a run, and the sealed run is sent at once (`DatagramRun`). All
 * packets of a run have the same addresses and ECN bits. A single packet is a run of one.
 *
 * @module
 */

/** Packets of one flow: `count` packets in `buffer`. */
export interface PacketRun {
  /**
   * The packets are sealed in place, so they are overwritten. The engine uses the buffer until the
   * transmits are polled.
   */
  buffer: Uint8Array;
  /** Where the first packet begins, in bytes. */
  offset: number;
  /**
   * The distance from one packet to the next, in bytes. Each packet needs the space around it that
   * `Cipher.sealRun` requires: 64 bytes in front of it, and behind it the length of its padding and
   * 64 bytes more. A stride of 0 means a single packet that has only 16 bytes of space in front of
   * it and 31 bytes behind it.
   */
  stride: number;
  /**
   * The length of each packet but the last, in bytes. If it is more than a datagram can carry, the
   * whole run is dropped.
   */
  length: number;
  /** The length of the last packet in bytes, at most `length`. */
  lastLength: number;
  /** The number of packets, 1 or more. */
  count: number;
}
