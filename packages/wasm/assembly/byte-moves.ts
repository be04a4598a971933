/**
 * Rotations of four words of 32 bits by 8 and 16 bits: they only move bytes. `moveBytes(v, v128.load(LEFT8))`
 * rotates to the left by 8 bits.
 *
 * The patterns are in memory, and a loop loads them before it begins. V8 keeps a loaded pattern in a
 * register. It does not keep a constant pattern there: version 13.6 builds a constant pattern again for
 * each swizzle, with four instructions, as it does for a shuffle of bytes.
 */

export const LEFT16: usize = memory.data<u8>([2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13]);
export const LEFT8: usize = memory.data<u8>([3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14]);
/** 16 bits to the right are 16 bits to the left. */
export const RIGHT16: usize = LEFT16;
export const RIGHT8: usize = memory.data<u8>([1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12]);

/** Byte i of the result is that byte of `v` whose number is byte i of `pattern`. */
// @ts-ignore: decorator
@inline
export function moveBytes(v: v128, pattern: v128): v128 {
  return i8x16.swizzle(v, pattern);
}
