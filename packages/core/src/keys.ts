/**
 * Keys as branded types, made by a parser, so that a `PublicKey` cannot be passed as a
 * `PresharedKey`. All are 32 bytes; the text form is base64 with padding, 44 characters.
 *
 * Text is read and written without a look-up by secret values. No error here holds a part of a key.
 *
 * @module
 */
import { KEY_LENGTH } from './constants.ts';
import type { CryptoProvider } from './crypto/provider.ts';
import { wipe } from './crypto/wipe.ts';
import { WireGuardError } from './errors.ts';

declare const brand: unique symbol;
/** Clamped (RFC 7748 section 5). */
export type PrivateKey = Uint8Array & { readonly [brand]: 'PrivateKey' };
export type PublicKey = Uint8Array & { readonly [brand]: 'PublicKey' };
export type PresharedKey = Uint8Array & { readonly [brand]: 'PresharedKey' };

/**
 * A copy of the 32 bytes, or of what the base64 text says, clamped.
 *
 * @throws {TypeError} neither a string nor a Uint8Array
 * @throws {WireGuardError} `ERR_LITZ_INVALID_KEY`: length, characters, or all zero
 */
export function parsePrivateKey(input: string | Uint8Array): PrivateKey {
  const key = parseKey(input, 'private key');
  if (key.every((byte) => byte === 0)) {
    throw new WireGuardError('ERR_LITZ_INVALID_KEY', 'private key: expected a key, got all zeros');
  }
  return clamp(key);
}

/**
 * A copy of the 32 bytes, or of what the base64 text says. Low-order points are keys too; a peer
 * with one is never talked to.
 *
 * @throws {TypeError} neither a string nor a Uint8Array
 * @throws {WireGuardError} `ERR_LITZ_INVALID_KEY`: length or characters
 */
export function parsePublicKey(input: string | Uint8Array): PublicKey {
  return parseKey(input, 'public key') as PublicKey;
}

/**
 * A copy of the 32 bytes, or of what the base64 text says. All zeros is the same as no preshared key.
 *
 * @throws {TypeError} neither a string nor a Uint8Array
 * @throws {WireGuardError} `ERR_LITZ_INVALID_KEY`: length or characters
 */
export function parsePresharedKey(input: string | Uint8Array): PresharedKey {
  return parseKey(input, 'preshared key') as PresharedKey;
}

/** The text form: base64, 44 characters. */
export function formatKey(key: PrivateKey | PublicKey | PresharedKey): string {
  return encodeBase64(key);
}

/** Public keys as keys of a Map. */
export function keyId(publicKey: PublicKey): string {
  return encodeBase64(publicKey);
}

/** A new private key. `randomBytes` fills its argument; what it throws is passed on. */
export function generatePrivateKey(randomBytes: (out: Uint8Array) => void): PrivateKey {
  const key = new Uint8Array(KEY_LENGTH);
  randomBytes(key);
  return clamp(key);
}

/** DH-Generate's second half: the public key that belongs to a private one. 32 new bytes. */
export function publicKeyOf(privateKey: PrivateKey, crypto: CryptoProvider): PublicKey {
  return crypto.dhPublicKey(privateKey) as PublicKey;
}

/** RFC 7748 section 5, in place. */
function clamp(key: Uint8Array): PrivateKey {
  key[0] &= 248;
  key[31] = (key[31] & 127) | 64;
  return key as PrivateKey;
}

function parseKey(input: string | Uint8Array, what: string): Uint8Array {
  if (typeof input === 'string') {
    const key = new Uint8Array(KEY_LENGTH);
    if (decodeBase64(input, key)) return key;
    wipe(key);
    const got = input.length === TEXT_LENGTH ? 'other characters' : `${input.length} characters`;
    throw new WireGuardError(
      'ERR_LITZ_INVALID_KEY',
      `${what}: expected ${KEY_LENGTH} bytes as ${TEXT_LENGTH} characters of base64, got ${got}`,
    );
  }
  if (!(input instanceof Uint8Array)) {
    throw new TypeError(`${what}: expected a string or a Uint8Array, got ${typeof input}`);
  }
  if (input.length !== KEY_LENGTH) {
    throw new WireGuardError(
      'ERR_LITZ_INVALID_KEY',
      `${what}: expected ${KEY_LENGTH} bytes, got ${input.length}`,
    );
  }
  return Uint8Array.from(input);
}

function encodeBase64(key: Uint8Array): string {
  let text = '';
  for (let i = 0; i < KEY_LENGTH; i += 3) {
    const bits = (key[i] << 16) | (key[i + 1] << 8) | key[i + 2];
    text += String.fromCharCode(
      letterOf((bits >> 18) & 63),
      letterOf((bits >> 12) & 63),
      letterOf((bits >> 6) & 63),
      letterOf(bits & 63),
    );
  }
  // 32 bytes end with a group of two: its last letter stands for bits that are not there.
  return `${text.slice(0, TEXT_LENGTH - 1)}=`;
}

/** Exactly 44 characters, no bits left over: each key has one text. False for anything else. */
function decodeBase64(text: string, out: Uint8Array): boolean {
  if (text.length !== TEXT_LENGTH || !text.endsWith('=')) return false;
  let invalid = 0;
  let bits = 0;
  for (let i = 0; i < TEXT_LENGTH; i++) {
    const value = i === TEXT_LENGTH - 1 ? 0 : valueOf(text.charCodeAt(i));
    invalid |= value;
    bits = ((bits << 6) | (value & 63)) & 0xff_ff_ff;
    if (i % 4 !== 3) continue;
    const at = ((i + 1) / 4 - 1) * 3;
    out[at] = bits >> 16;
    out[at + 1] = bits >> 8;
    if (at + 2 < KEY_LENGTH) out[at + 2] = bits;
  }
  // -1 of a wrong letter, or the byte behind the key.
  return invalid >= 0 && (bits & 0xff) === 0;
}

/** 0..63 -> 'A'..'Z', 'a'..'z', '0'..'9', '+', '/', by arithmetic: each term is 0 or the whole step. */
function letterOf(value: number): number {
  return (
    value +
    65 +
    (((25 - value) >> 8) & 6) -
    (((51 - value) >> 8) & 75) -
    (((61 - value) >> 8) & 15) +
    (((62 - value) >> 8) & 3)
  );
}

/** The reverse; -1 for anything else. Each term is the value + 1 within its range, otherwise 0. */
function valueOf(letter: number): number {
  return (
    -1 +
    (inRange(letter, 65, 90) & (letter - 64)) +
    (inRange(letter, 97, 122) & (letter - 70)) +
    (inRange(letter, 48, 57) & (letter + 5)) +
    (inRange(letter, 43, 43) & 63) +
    (inRange(letter, 47, 47) & 64)
  );
}

/** All bits set or none. */
function inRange(letter: number, first: number, last: number): number {
  return ((first - 1 - letter) & (letter - last - 1)) >> 31;
}

const TEXT_LENGTH = 44;
