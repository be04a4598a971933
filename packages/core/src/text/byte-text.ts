/**
 * `toByteText` and `fromByteText`: convert a text to the text of its UTF-8 bytes, and back. A text
 * of bytes has one character for each byte (U+0000 to U+00FF). The UAPI and a handed-over state
 * contain texts in this form.
 *
 * `encodeURIComponent` does the work, because not every JavaScript runtime has `TextEncoder`.
 *
 * @module
 */

/**
 * Returns the bytes of a text.
 *
 * @throws {URIError} the text has half of a surrogate pair
 */
export function toByteText(text: string): string {
  return encodeURIComponent(text).replaceAll(/%(..)/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** Returns the text that the bytes stand for; undefined if they are not UTF-8. */
export function fromByteText(bytes: string): string | undefined {
  const escaped = bytes.replaceAll(
    /[^\w.:-]/g,
    (character) => `%${byteOf(character).toString(16).padStart(2, '0')}`,
  );
  try {
    return decodeURIComponent(escaped);
  } catch {
    return undefined;
  }
}

/**
 * Returns the byte that a character stands for. If it stands for no byte, returns 0xff, which never
 * occurs in UTF-8.
 */
function byteOf(character: string): number {
  const code = character.charCodeAt(0);
  if (code <= 0xff) return code;
  const index = WINDOWS_1252.indexOf(character);
  return index === -1 ? 0xff : 0x80 + index;
}

/**
 * The characters for the bytes from 0x80 on. A `TextDecoder` of 'latin1' returns them in newer
 * runtimes (https://encoding.spec.whatwg.org/#windows-1252).
 */
const WINDOWS_1252 =
  '\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f' +
  '\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178';
