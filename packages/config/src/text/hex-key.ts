/**
 * Keys in hexadecimal, as the cross-platform protocol has them. For base64, `@litz/core` has the parsers.
 *
 * @module
 */
import { parsePresharedKey } from '@litz/core';
import { KEY_LENGTH, secretBytes, wipe } from '@litz/core/internals';

/** 32 new bytes; undefined for anything but 64 hexadecimal digits. */
export function keyFromHex(text: string): Uint8Array | undefined {
  if (typeof text !== 'string' || text.length !== KEY_LENGTH * 2 || !/^[0-9a-f]+$/i.test(text))
    return undefined;
  const key = secretBytes(KEY_LENGTH);
  for (let i = 0; i < KEY_LENGTH; i++) {
    key[i] = (digitOf(text.charCodeAt(i * 2)) << 4) | digitOf(text.charCodeAt(i * 2 + 1));
  }
  return key;
}

/**
 * 64 lower-case digits of a key, which may be text in base64.
 *
 * @throws {TypeError} neither a string nor a Uint8Array
 * @throws {WireGuardError} `ERR_LITZ_INVALID_KEY`: length or characters
 */
export function keyToHex(key: string | Uint8Array): string {
  if (!(key instanceof Uint8Array) || key.length !== KEY_LENGTH) return textToHex(key);
  for (let i = 0; i < KEY_LENGTH; i++) {
    const byte = key[i]!;
    LETTERS[i * 2] = letterOf(byte >> 4);
    LETTERS[i * 2 + 1] = letterOf(byte & 15);
  }
  const text = String.fromCharCode(...LETTERS);
  LETTERS.fill(0);
  return text;
}

/** 0..15 -> '0'..'9', 'a'..'f', by arithmetic. */
function letterOf(digit: number): number {
  return digit + 48 + (((9 - digit) >> 8) & 39);
}

/** '0'..'9', 'A'..'F', 'a'..'f' -> 0..15, without a look-up. */
function digitOf(letter: number): number {
  return (letter & 15) + 9 * (letter >> 6);
}

/** Of what may be no key at all. */
function textToHex(key: string | Uint8Array): string {
  const parsed = parsePresharedKey(key);
  try {
    return keyToHex(parsed);
  } finally {
    wipe(parsed);
  }
}

/** Of the key that is being written. */
const LETTERS: Uint8Array = secretBytes(KEY_LENGTH * 2);
