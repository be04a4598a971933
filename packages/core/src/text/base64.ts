/**
 * Reads and writes 32 bytes as base64 with padding, 44 characters. No table is indexed with a
 * secret value, because that would leak the value through the cache.
 *
 * @module
 */
import { KEY_LENGTH } from '../constants.ts';

/** Returns the text of 32 bytes, which are borrowed for the call. */
export function encodeBase64(key: Uint8Array): string {
  const letters: number[] = [];
  for (let i = 0; i < KEY_LENGTH; i += 3) {
    const bits = (key[i] << 16) | (key[i + 1] << 8) | key[i + 2];
    letters.push(
      letterOf((bits >> 18) & 63),
      letterOf((bits >> 12) & 63),
      letterOf((bits >> 6) & 63),
      letterOf(bits & 63),
    );
  }
  // The last group of 32 bytes has only two bytes, so its last letter is replaced with "=".
  letters[TEXT_LENGTH - 1] = PADDING;
  // One call creates one flat string. A concatenated or sliced string would keep its parts in
  // memory.
  return String.fromCharCode(...letters);
}

/**
 * Reads a text into the 32 bytes of `out`. The text must have exactly 44 characters, and its unused
 * bits must be zero, so that each key has only one text.
 *
 * @returns false for any other text; then the bytes in `out` are not a key
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
  // `invalid` is negative after a wrong letter. The last byte contains the unused bits.
  return invalid >= 0 && (bits & 0xff) === 0;
}

/**
 * Maps 0..63 to 'A'..'Z', 'a'..'z', '0'..'9', '+', '/' by arithmetic. Each of the four terms is 0
 * for small values, and a fixed number for larger values.
 */
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

/**
 * The reverse of `letterOf`; -1 for any other letter. A term is the value + 1 if the letter is in
 * the range of that term, and 0 if it is not.
 */
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

/** Returns -1 (all bits set) if the letter is in the range, and 0 if it is not. */
function inRange(letter: number, first: number, last: number): number {
  return ((first - 1 - letter) & (letter - last - 1)) >> 31;
}

/** The length of the text in characters. */
export const TEXT_LENGTH = 44;
/** The code of "=". */
const PADDING = 61;
