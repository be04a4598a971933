/**
 * Where a cipher works in a buffer.
 *
 * @module
 */
import { TAG_LENGTH } from '../constants.ts';

/**
 * For a provider that hands on addresses, which know no bounds: numbers that are none are refused as
 * well.
 *
 * @throws {RangeError} a text of this length and its tag are not within the buffer
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
      `"offset" and "length" expected a place in ${buffer.length} bytes with ${TAG_LENGTH} for the tag, got ${offset} and ${length}`,
    );
  }
}
