/**
 * `ByteOperations`: copies and sums the bytes of packets in one buffer. Like encryption, these
 * operations touch every byte of a packet, so their speed matters. A faster implementation for the
 * same buffer can replace the default one.
 *
 * @module
 */
import { copyAndSum, writeSegment, type SegmentPlan } from './segments.ts';

/** Copies and sums bytes in one buffer. A crypto provider may supply a faster implementation. */
export interface ByteOperations {
  /** The buffer that all offsets refer to. */
  readonly buffer: Uint8Array;
  /**
   * Copies `length` bytes (at most 65535). Source and target must not overlap.
   *
   * @returns the folded one's complement sum of the bytes, read as 16-bit words in network order;
   *   an odd last byte counts as if a zero followed it (RFC 1071)
   */
  copyAndSum(to: number, from: number, length: number): number;
  /**
   * Writes `count` segments of a super-packet, beginning with segment number `first`. The first one
   * is written at `to`, the others at distances of `stride` bytes. The written segments must not
   * overlap the super-packet or each other.
   */
  writeSegments(
    plan: Readonly<SegmentPlan>,
    first: number,
    count: number,
    to: number,
    stride: number,
  ): void;
}

/** Returns an implementation in JavaScript. It first copies the bytes and then sums them. */
export function createByteOperations(buffer: Uint8Array): ByteOperations {
  return {
    buffer,
    copyAndSum: (to, from, length) => copyAndSum(buffer, from, buffer, to, length),
    writeSegments(plan, first, count, to, stride) {
      for (let i = 0; i < count; i++) {
        writeSegment(buffer, plan, first + i, buffer, to + i * stride);
      }
    },
  };
}
