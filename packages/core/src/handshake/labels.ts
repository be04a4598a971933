/**
 * The labels of section 5.4, as bytes.
 *
 * @module
 */

export const CONSTRUCTION: Uint8Array = ascii('Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s');
export const IDENTIFIER: Uint8Array = ascii('WireGuard v1 zx2c4 Jason@zx2c4.com');
export const LABEL_MAC1: Uint8Array = ascii('mac1----');
export const LABEL_COOKIE: Uint8Array = ascii('cookie--');

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}
