/**
 * ChaCha20-Poly1305 and XChaCha20-Poly1305 in place, made from noble's stream ciphers and its
 * Poly1305.
 *
 * noble's own AEAD throws on a wrong tag. If we used that AEAD, anybody who can send us datagrams
 * could make us create an Error with a stack trace for each datagram. So this file implements the
 * construction of RFC 8439 section 2.8 itself, with a boolean result.
 *
 * @module
 */
import { poly1305 } from '@noble/ciphers/_poly1305.js';
import type { chacha20 } from '@noble/ciphers/chacha.js';
import { TAG_LENGTH } from '../constants.ts';
import { equalBytes } from './equal-bytes.ts';
import { wipe } from './wipe.ts';

/** `chacha20` with a nonce of 12 bytes, or `xchacha20` with a nonce of 24 bytes. */
export type StreamCipher = typeof chacha20;

/** Encrypts `data` in place and writes the tag into the 16 bytes of `tag`. */
// oxlint-disable-next-line max-params -- the parameters of the AEAD in RFC 8439, per packet
export function sealInPlace(
  stream: StreamCipher,
  key: Uint8Array,
  nonce: Uint8Array,
  data: Uint8Array,
  tag: Uint8Array,
  auth: Uint8Array,
): void {
  // RFC 8439 section 2.8: block 0 of the stream is for Poly1305, so the data begins with block 1.
  stream(key, nonce, data, data, 1);
  tag.set(computeTag(stream, key, nonce, data, auth));
}

/**
 * If `tag` is right, decrypts `data` in place and returns true. If `tag` is wrong, returns false
 * and does not change `data`.
 */
// oxlint-disable-next-line max-params -- the parameters of the AEAD in RFC 8439, per packet
export function openInPlace(
  stream: StreamCipher,
  key: Uint8Array,
  nonce: Uint8Array,
  data: Uint8Array,
  tag: Uint8Array,
  auth: Uint8Array,
): boolean {
  if (!equalBytes(computeTag(stream, key, nonce, data, auth), tag)) return false;
  stream(key, nonce, data, data, 1);
  return true;
}

/** Poly1305 over auth || pad16 || data || pad16 || le64(auth.length) || le64(data.length). */
function computeTag(
  stream: StreamCipher,
  key: Uint8Array,
  nonce: Uint8Array,
  data: Uint8Array,
  auth: Uint8Array,
): Uint8Array {
  const oneTimeKey = stream(key, nonce, ZEROS.subarray(0, ONE_TIME_KEY_LENGTH));
  const mac = poly1305.create(oneTimeKey);
  const lengths = new DataView(new ArrayBuffer(16));
  lengths.setUint32(0, auth.length, true);
  lengths.setUint32(8, data.length, true);
  mac.update(auth).update(padding(auth.length));
  mac.update(data).update(padding(data.length));
  mac.update(new Uint8Array(lengths.buffer));
  wipe(oneTimeKey);
  return mac.digest();
}

function padding(length: number): Uint8Array {
  return ZEROS.subarray(0, -length & (TAG_LENGTH - 1));
}

const ONE_TIME_KEY_LENGTH = 32;
const ZEROS = new Uint8Array(ONE_TIME_KEY_LENGTH);
