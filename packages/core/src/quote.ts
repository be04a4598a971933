/**
 * `quote`: how input is shown in an error; `redactKeys` and `printable` for texts as a whole. A key that
 * stands in the wrong place must not be repeated where others may read it.
 *
 * @module
 */

/**
 * In quotes, shortened, without control characters and without what may be a key. What a caller passed
 * as text need not be text.
 */
export function quote(input: unknown): string {
  const text = String(input);
  // A text of many megabytes is not worth a search. What is left is more than what is shown.
  const shown = redactKeys(text.slice(0, MAX_SEARCHED));
  const isCut = shown.length > MAX_SHOWN;
  return JSON.stringify(isCut ? `${shown.slice(0, MAX_SHOWN)}...` : shown);
}

/**
 * The text without what may be a key: 32 bytes in base64 or hexadecimal, also with a letter too few or
 * too many. A public key looks like any other.
 */
export function redactKeys(text: string): string {
  return text.replace(WORDS, (word) => (mayBeKey(word) ? REDACTED : word));
}

/**
 * The text as one line that does nothing to a terminal: what steers one, ends a line or can't be seen
 * stands there as its number. For texts that others have a say in: names, messages of servers.
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (letter) => `\\u{${letter.codePointAt(0)!.toString(16)}}`);
}

function mayBeKey(word: string): boolean {
  if (word.endsWith('=')) return true;
  if (HEX.test(word)) return true;
  // Base64 that lost its last character. A file's path is longer or shorter, or in small letters.
  return word.length <= BASE64_LENGTH && /[a-z]/.test(word) && /[A-Z]/.test(word);
}

/** Control characters, C1 among them; those that turn the direction; line ends; halves of a pair. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
/** Of letters that base64 has, in either alphabet. */
const WORDS = /[A-Za-z0-9+/_-]{42,}={0,2}/g;
const HEX = /[0-9a-f]{60,}/i;
const BASE64_LENGTH = 44;
const REDACTED = '(a key, not shown)';
const MAX_SHOWN = 80;
const MAX_SEARCHED = 4096;
