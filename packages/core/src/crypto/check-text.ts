/**
 * Checks the range of a buffer that a cipher works on.
 *
 * @module
 */
import { TAG_LENGTH } from '../constants.ts';

/**
 * Providers call this before they pass memory addresses to native code or WebAssembly, where no
 * bounds are checked. Numbers that are not integers are refused too.
 *
 * @throws {RangeError} a text of this length and its tag do not fit into the buffer at `offset`
 */
export function checkText(buffer: Uint8Array, offset: number, length: number): void {
  const isWithin =
    Number.isInteger(offset) &&
    Number.isInteger(length) &&
    offset >= 0 &&
    length >= 0 &&
    offset + length + TAG_LENGTH <= buffer.length;
  if (!isWithin) {
    throw new RangeError(
      `"offset" and "length" expected a range within ${buffer.length} bytes, and ${TAG_LENGTH} after it for the tag, got ${offset} and ${length}`,
    );
  }
}
