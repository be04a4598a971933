/**
 * The nonce of an AEAD, section 5.4.6 of the WireGuard paper: 4 zero bytes, then the counter in 64
 * bits, little-endian.
 *
 * @module
 */

/** Returns the nonce of a counter, 12 new bytes. */
export function nonceOf(counter: number): Uint8Array {
  const nonce = new Uint8Array(NONCE_LENGTH);
  writeCounter(nonce, counter);
  return nonce;
}

/** Writes a counter into a reused nonce. The first 4 bytes do not change. */
export function writeCounter(nonce: Uint8Array, counter: number): void {
  const high = counter / 2 ** 32;
  for (let i = 0; i < 4; i++) {
    nonce[4 + i] = counter >>> (8 * i);
    nonce[8 + i] = high >>> (8 * i);
  }
}

/** The length of a nonce in bytes (RFC 8439, section 2.8). */
export const NONCE_LENGTH = 12;
