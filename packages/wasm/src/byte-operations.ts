/**
 * `createWasmByteOperations`: functions that copy and sum bytes of an arena. A caller can give them
 * to `@litz/tun/offload`, which then uses them instead of its own functions.
 *
 * @module
 */
import type { WasmArena } from './wasm-arena.ts';

/** Has the shape of `ByteOperations` in `@litz/tun/offload`. */
export interface WasmByteOperations {
  /** The buffer that all offsets refer to. */
  readonly buffer: Uint8Array;
  /**
   * Copies `length` bytes (at most 65535). Source and target must not overlap.
   *
   * @returns the folded one's complement sum of these bytes in network order; an odd last byte
   *   counts as if a zero followed it (RFC 1071)
   * @throws {RangeError} source or target is not within `buffer`, or `length` is above 65535
   */
  copyAndSum(to: number, from: number, length: number): number;
  /**
   * Writes `count` segments of a super-packet, beginning with segment number `first`. The first of
   * these segments is written at `to`, and each next segment `stride` bytes later. The segments
   * must not overlap the super-packet or each other.
   *
   * @throws {RangeError} the super-packet or a segment is not within `buffer`, or the super-packet
   *   has no segments with these numbers
   */
  writeSegments(
    plan: WasmSegmentPlan,
    first: number,
    count: number,
    to: number,
    stride: number,
  ): void;
}

/** Has the shape of `SegmentPlan` in `@litz/tun/offload`. */
export interface WasmSegmentPlan {
  /** Offset of the IP header, and the length in bytes from there on. */
  readonly from: number;
  readonly length: number;
  readonly ipHeaderLength: number;
  /** Length in bytes of IP and transport header; a multiple of 4, like `ipHeaderLength`. */
  readonly headerLength: number;
  /** Bytes of payload of each segment except the last. */
  readonly segmentSize: number;
  /** 6 (TCP) or 17 (UDP). */
  readonly protocol: number;
  /** Folded sums of the fields that the headers of all segments have in common. */
  readonly ipSum: number;
  readonly transportSum: number;
}

/**
 * Returns the operations on `buffer`, a view of the arena's memory.
 *
 * @throws {TypeError} `buffer` is not a view of the arena
 *
 * @example
 *
 * ```ts
 * import { createWasmByteOperations, WasmArena } from '@litz/wasm';
 *
 * const arena = WasmArena.createSync({ length: 4096 });
 * const { buffer, copyAndSum } = createWasmByteOperations(arena, arena.allocate(4096));
 * buffer.set([0x12, 0x34, 0x56, 0x78]);
 * console.log(copyAndSum(100, 0, 4).toString(16)); // 68ac
 * ```
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
      // The comparisons are false for NaN and undefined, which WebAssembly would take as 0.
      if (
        !(to >= 0 && from >= 0 && length >= 0 && to + length <= end && from + length <= end) ||
        length > MAX_LENGTH
      ) {
        throw new RangeError(
          `"to", "from" and "length" expected at most ${MAX_LENGTH} bytes within the buffer`,
        );
      }
      return copyAndSum(byteOffset + to, byteOffset + from, length);
    },
    writeSegments(plan, first, count, to, stride) {
      const { from, length, ipHeaderLength, headerLength, segmentSize } = plan;
      if (!fits(plan, first, count) || !(from >= 0 && from + length <= end)) {
        throw new RangeError('"plan" expected segments of a packet within the buffer');
      }
      const last = to + (count - 1) * stride;
      const left = length - headerLength - (first + count - 1) * segmentSize;
      const lastEnd = last + headerLength + Math.min(segmentSize, left);
      // The segment before the last segment may be longer than the last segment, so its end is
      // checked too.
      const otherEnd = count > 1 ? last - stride + headerLength + segmentSize : 0;
      if (!(to >= 0 && stride >= 0 && lastEnd <= end && otherEnd <= end)) {
        throw new RangeError('"to" and "stride" expected places within the buffer');
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

/** Returns whether all bytes that are read are within the packet. */
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
    // WebAssembly would cut fractions, and the last segment would be longer than computed here.
    Number.isInteger(segmentSize) &&
    Number.isInteger(first) &&
    Number.isInteger(count) &&
    // The last segment must begin within the payload. If there is no payload, it must be the first
    // segment.
    (first + count - 1) * segmentSize < Math.max(length - headerLength, 1)
  );
}

/** In bytes. The length field of IPv6 does not count its header of 40 bytes. */
const LONGEST_PACKET = 40 + 65_535;
/** Up to this length the sums cannot overflow. */
const MAX_LENGTH = 65_535;
