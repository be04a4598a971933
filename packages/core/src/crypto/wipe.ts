/**
 * Forgets secrets.
 *
 * @module
 */

/**
 * Overwrites with zeros. Copies that the engine of the language made on its own (BigInts of X25519,
 * moved memory) are out of reach.
 */
export function wipe(...secrets: readonly (Uint8Array | undefined)[]): void {
  for (const secret of secrets) secret?.fill(0);
}
