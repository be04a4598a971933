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
  const { copyAndSum } = arena.kernels;
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
  };
}

/** What the sums are sure not to overflow at. */
const MAX_LENGTH = 65_535;
