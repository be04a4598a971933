/**
 * 32 bytes as base64 with padding, 44 characters. Read and written without a look-up by secret values.
 *
 * @module
 */
import { KEY_LENGTH } from '../constants.ts';

/** The text of 32 bytes. Borrowed for the call. */
export function encodeBase64(key: Uint8Array): string {
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

/**
 * Into the 32 bytes of `out`. Exactly 44 characters, no bits left over: each key has one text.
 *
 * @returns false for anything else; then what is in `out` is no key
 */
export function decodeBase64(text: string, out: Uint8Array): boolean {
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

/** Characters of the text. */
export const TEXT_LENGTH = 44;
