/**
 * Converts keys from and to hexadecimal, the form of the cross-platform protocol. For base64,
 * `@litz/core` has parsers.
 *
 * @module
 */
import { parsePresharedKey } from '@litz/core';
import { KEY_LENGTH, secretBytes, wipe } from '@litz/core/internals';

/** Returns a new array of 32 bytes; undefined if the text is not 64 hexadecimal digits. */
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
 * Returns the key as 64 hexadecimal digits in lower case. The key may also be text in base64.
 *
 * @throws {TypeError} the key is neither a string nor a Uint8Array
 * @throws {WireGuardError} `ERR_LITZ_INVALID_KEY`: wrong length or characters
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

/**
 * Returns the character code of the hexadecimal digit for 0 to 15, in lower case. There is no
 * branch and no table, so the time does not depend on the key.
 */
function letterOf(digit: number): number {
  return digit + 48 + (((9 - digit) >> 8) & 39);
}

/**
 * Returns the value, 0 to 15, of the hexadecimal digit with this character code. As in `letterOf`,
 * the time does not depend on the key.
 */
function digitOf(letter: number): number {
  return (letter & 15) + 9 * (letter >> 6);
}

/** Converts a key that is text in base64. Throws for a value that is not a key. */
function textToHex(key: string | Uint8Array): string {
  const parsed = parsePresharedKey(key);
  try {
    return keyToHex(parsed);
  } finally {
    wipe(parsed);
  }
}

/** The character codes of the key that is being converted. */
const LETTERS: Uint8Array = secretBytes(KEY_LENGTH * 2);
