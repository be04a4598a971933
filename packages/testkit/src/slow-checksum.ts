/**
 * The internet checksum as RFC 1071 describes it, one word after the other. Tests compare faster
 * code with it.
 *
 * @module
 */

/** Returns the sum of the 16-bit words, folded to 16 bits. */
export function slowSum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) {
    sum += (bytes[i] ?? 0) * 256 + (bytes[i + 1] ?? 0);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return sum;
}

/** Returns the complement of the sum, as a header contains it. */
export function slowChecksum(bytes: Uint8Array): number {
  return 0xffff - slowSum(bytes);
}
