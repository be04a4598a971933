/**
 * Wipes secrets from memory.
 *
 * @module
 */

/**
 * Overwrites secrets with zeros. It cannot reach copies that the JavaScript engine made on its own
 * (BigInts of X25519, moved memory).
 */
export function wipe(...secrets: readonly (Uint8Array | undefined)[]): void {
  for (const secret of secrets) secret?.fill(0);
}
