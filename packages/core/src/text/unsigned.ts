/**
 * Reads whole numbers in decimal or hexadecimal digits, as `wg` does.
 *
 * @module
 */

/**
 * Reads decimal digits. Returns undefined for anything else, and for a number above `max`. Leading
 * zeros are ignored.
 */
export function parseUnsigned(text: string, max: number): number | undefined {
  return /^0*\d{1,16}$/.test(text) ? atMost(Number(text), max) : undefined;
}

/**
 * Reads decimal digits, or hexadecimal digits after `0x`, with the same rules as `parseUnsigned`.
 */
export function parseUnsignedOrHex(text: string, max: number): number | undefined {
  return /^0x0*[0-9a-fA-F]{1,13}$/.test(text)
    ? atMost(Number(text), max)
    : parseUnsigned(text, max);
}

function atMost(value: number, max: number): number | undefined {
  return value <= max ? value : undefined;
}

/** The largest number of 16 bits. */
export const MAX_UINT16 = 0xffff;
/** The largest number of 32 bits. */
export const MAX_UINT32 = 0xffff_ffff;
