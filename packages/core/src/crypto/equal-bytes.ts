/**
 * Compares secrets in constant time.
 *
 * @module
 */

/**
 * Returns whether both arrays contain the same bytes. The time depends on the length only, as far
 * as JavaScript can promise that: there is no early exit and no branch on a byte.
 */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a[i] ^ b[i];
  return difference === 0;
}
