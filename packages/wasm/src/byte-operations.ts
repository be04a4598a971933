/**
 * Moving and summing bytes of an arena: what `@litz/tun/offload` takes in the place of its own.
 *
 * @module
 */
import type { WasmArena } from './wasm-arena.ts';

/** The shape of `ByteOperations` in `@litz/tun/offload`. */
export interface WasmByteOperations {
  /** The memory that all offsets are of. */
  readonly buffer: Uint8Array;
  /**
   * Copies `length` (at most 65535) bytes, which do not overlap their new place.
   *
   * @returns their folded one's complement sum in network order; an odd last byte counts as if a zero
   *   followed (RFC 1071)
   * @throws {RangeError} either place is not within `buffer`
   */
  copyAndSum(to: number, from: number, length: number): number;
  /**
   * Writes `count` segments of a super-packet, from number `first` on, `stride` bytes apart from `to` on.
   * They do not overlap it, nor each other.
   *
   * @throws {RangeError} the super-packet or a segment is not within `buffer`, or has no such segments
   */
  writeSegments(
    plan: WasmSegmentPlan,
    first: number,
    count: number,
    to: number,
    stride: number,
  ): void;
}

/** The shape of `SegmentPlan` in `@litz/tun/offload`. */
export interface WasmSegmentPlan {
  /** Where the IP header is, and how long everything is from there on. */
  readonly from: number;
  readonly length: number;
  readonly ipHeaderLength: number;
  /** IP and transport header, whole 32-bit words each. */
  readonly headerLength: number;
  /** Payload of every segment but the last. */
  readonly segmentSize: number;
  /** 6 or 17. */
  readonly protocol: number;
  /** Folded sums of what all segments' headers have in common. */
  readonly ipSum: number;
  readonly transportSum: number;
}

/**
 * On `buffer`, a view of the arena's memory.
 *
 * @throws {TypeError} it is not
 */
export function createWasmByteOperations(
  arena: WasmArena,
  buffer: Uint8Array = arena.bytes,
): WasmByteOperations {
  if (!arena.owns(buffer)) throw new TypeError('"buffer" expected a view of the arena');
  const { copyAndSum, writeSegments } = arena.kernels;
  const { byteOffset, length: end } = buffer;
  return {
    buffer,
    copyAndSum(to, from, length) {
      // Also of numbers that are none: WebAssembly would take them as zeros.
      if (
        !(to >= 0 && from >= 0 && length >= 0 && to + length <= end && from + length <= end) ||
        length > MAX_LENGTH
      ) {
        throw new RangeError(
          `"to", "from" and "length" expected ${MAX_LENGTH} bytes of the buffer`,
        );
      }
      return copyAndSum(byteOffset + to, byteOffset + from, length);
    },
    writeSegments(plan, first, count, to, stride) {
      const { from, length, ipHeaderLength, headerLength, segmentSize } = plan;
      if (!fits(plan, first, count) || !(from >= 0 && from + length <= end)) {
        throw new RangeError('"plan" expected segments of a packet of the buffer');
      }
      const last = to + (count - 1) * stride;
      const left = length - headerLength - (first + count - 1) * segmentSize;
      const lastEnd = last + headerLength + Math.min(segmentSize, left);
      // Of the one before it, which may be longer.
      const otherEnd = count > 1 ? last - stride + headerLength + segmentSize : 0;
      if (!(to >= 0 && stride >= 0 && lastEnd <= end && otherEnd <= end)) {
        throw new RangeError('"to" and "stride" expected places of the buffer');
      }
      writeSegments(
        byteOffset + to,
        stride,
        byteOffset + from,
        length,
        ipHeaderLength,
        headerLength,
        segmentSize,
        plan.protocol,
        plan.ipSum,
        plan.transportSum,
        first,
        count,
      );
    },
  };
}

/** No byte of what is read is outside of the packet. */
function fits(plan: WasmSegmentPlan, first: number, count: number): boolean {
  const { length, ipHeaderLength, headerLength, segmentSize, protocol } = plan;
  return (
    ipHeaderLength >= 20 &&
    headerLength >= ipHeaderLength + (protocol === 17 ? 8 : 20) &&
    length >= headerLength &&
    length <= LONGEST_PACKET &&
    segmentSize >= 1 &&
    first >= 0 &&
    count >= 1 &&
    // WebAssembly would cut them, and the last segment be longer than it is taken for.
    Number.isInteger(segmentSize) &&
    Number.isInteger(first) &&
    Number.isInteger(count) &&
    // The last of them begins within the payload, or there is none and it is the first.
    (first + count - 1) * segmentSize < Math.max(length - headerLength, 1)
  );
}

/** IPv6 does not count its own header. */
const LONGEST_PACKET = 40 + 65_535;
/** What the sums are sure not to overflow at. */
const MAX_LENGTH = 65_535;
