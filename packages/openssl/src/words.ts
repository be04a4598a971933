/**
 * Views of memory as 32-bit words. OpenSSL has the addresses of this memory.
 *
 * @module
 */

/** Returns a view of the same memory. */
export function wordsOf({ buffer, byteOffset, length }: Uint8Array): Int32Array {
  return new Int32Array(buffer, byteOffset, length >> 2);
}

/**
 * Copies a key of eight words from index `at` to the beginning of `to`. This takes less time than a
 * loop, or than a copy by addresses, for which V8 would allocate objects.
 */
export function copyKey(to: Int32Array, from: Int32Array, at: number): void {
  to[0] = from[at]!;
  to[1] = from[at + 1]!;
  to[2] = from[at + 2]!;
  to[3] = from[at + 3]!;
  to[4] = from[at + 4]!;
  to[5] = from[at + 5]!;
  to[6] = from[at + 6]!;
  to[7] = from[at + 7]!;
}
