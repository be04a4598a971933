/**
 * `quote`: makes input safe to show in an error message. `redactKeys` and `printable`: make a whole
 * text safe to print. A key in the wrong place must not appear where others may read it.
 *
 * @module
 */

/**
 * Returns the input in quotes, shortened, without control characters and without anything that may
 * be a key. The input need not be a string.
 */
export function quote(input: unknown): string {
  const text = String(input);
  // Only the beginning of a long text is searched. This beginning is longer than the part that is
  // shown.
  const shown = redactKeys(text.slice(0, MAX_SEARCHED));
  const isCut = shown.length > MAX_SHOWN;
  return JSON.stringify(isCut ? `${shown.slice(0, MAX_SHOWN)}...` : shown);
}

/**
 * Returns the text without anything that may be a key: 32 bytes in base64 or hexadecimal, even with
 * a character missing or added. Public keys are removed too, because they look like secret keys.
 */
export function redactKeys(text: string): string {
  return text.replace(WORDS, (word) => (mayBeKey(word) ? REDACTED : word));
}

/**
 * Returns the text as one line that cannot control a terminal. Control characters, line ends and
 * invisible characters become their code points, such as `\u{1b}`. Use it for text that others can
 * choose: names, messages of servers.
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (letter) => `\\u{${letter.codePointAt(0)!.toString(16)}}`);
}

function mayBeKey(word: string): boolean {
  if (word.endsWith('=')) return true;
  if (HEX.test(word)) return true;
  // A key in base64 without its last character is found too. File paths are not found, because they
  // normally have another length, or only lower-case letters.
  return word.length <= BASE64_LENGTH && /[a-z]/.test(word) && /[A-Z]/.test(word);
}

/**
 * Control characters (also C1), format characters such as those for text direction, line and
 * paragraph separators, lone surrogates.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
/** A word is 42 or more characters in a row that occur in base64 or base64url. */
const WORDS = /[A-Za-z0-9+/_-]{42,}={0,2}/g;
const HEX = /[0-9a-f]{60,}/i;
const BASE64_LENGTH = 44;
const REDACTED = '(a key, not shown)';
const MAX_SHOWN = 80;
const MAX_SEARCHED = 4096;
