/**
 * `PacketRun`: packets of one flow that stand at equal distances in a buffer.
 *
 * ```
 *   offset            offset + stride     offset + 2 * stride
 *   | packet, length  | packet, length    | packet, lastLength
 * ```
 * The kernel gives and takes packets of a stream in this shape (a super-packet, UDP_SEGMENT): all have
 * the addresses and the ECN bits of the first. One packet is a run of one.
 *
 * @module
 */
export interface PacketRun {
  /** Borrowed for the call. The packets are sealed where they stand, so they are lost. */
  buffer: Uint8Array;
  /** Where the first packet begins. */
  offset: number;
  /**
   * From one packet to the next, in bytes. Each has the room around it that `Cipher.sealRun` asks for:
   * 64 bytes in front of it, and behind it its padding and 64 bytes. 0: it is one packet, with no more
   * room than 16 bytes in front of it and 31 behind.
   */
  stride: number;
  /** Of each packet, in bytes. A run with packets that no datagram can carry is dropped whole. */
  length: number;
  /** Of the last packet; no more than `length`. */
  lastLength: number;
  /** 1 or more. */
  count: number;
}
