/**
 * The labels of section 5.4 of the WireGuard paper, as bytes.
 *
 * @module
 */

/** Construction: the name of the Noise protocol, 37 bytes. */
export const CONSTRUCTION: Uint8Array = ascii('Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s');
/** Identifier: the protocol's own name, 34 bytes, the prologue of Noise. */
export const IDENTIFIER: Uint8Array = ascii('WireGuard v1 zx2c4 Jason@zx2c4.com');
/** Label-Mac1, 8 bytes: hashed with a public key, it gives the key of msg.mac1. */
export const LABEL_MAC1: Uint8Array = ascii('mac1----');
/** Label-Cookie, 8 bytes: hashed with a public key, it gives the key that encrypts cookies. */
export const LABEL_COOKIE: Uint8Array = ascii('cookie--');

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}
