/**
 * Moving and summing bytes of one memory: the two things that are done to every byte of a packet
 * besides encrypting it. A faster implementation on the same memory may take their place.
 *
 * @module
 */
import { copyAndSum, writeSegment, type SegmentPlan } from './segments.ts';

export interface ByteOperations {
  /** The memory that all offsets are of. */
  readonly buffer: Uint8Array;
  /**
   * Copies `length` (at most 65535) bytes, which do not overlap their new place.
   *
   * @returns their folded one's complement sum in network order; an odd last byte counts as if a zero
   *   followed (RFC 1071)
   */
  copyAndSum(to: number, from: number, length: number): number;
  /**
   * Writes `count` segments of a super-packet, from number `first` on, `stride` bytes apart from `to` on.
   * They do not overlap it, nor each other.
   */
  writeSegments(
    plan: Readonly<SegmentPlan>,
    first: number,
    count: number,
    to: number,
    stride: number,
  ): void;
}

/** In JavaScript: two passes, each as fast as the engine can. */
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
