/**
 * 32-bit words of memory that OpenSSL has the address of.
 *
 * @module
 */

/** The same memory. */
export function wordsOf({ buffer, byteOffset, length }: Uint8Array): Int32Array {
  return new Int32Array(buffer, byteOffset, length >> 2);
}

/**
 * A key of eight words, from `at` on, to the beginning. Less than a loop of eight takes, or an address that
 * JavaScript would make an object of.
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
