/**
 * Whole numbers as people and `wg` write them.
 *
 * @module
 */

/** Decimal digits only, at most `max`; undefined for anything else. Zeros in front count for nothing. */
export function parseUnsigned(text: string, max: number): number | undefined {
  return /^0*\d{1,16}$/.test(text) ? atMost(Number(text), max) : undefined;
}

/** The same, or hexadecimal with `0x` in front. */
export function parseUnsignedOrHex(text: string, max: number): number | undefined {
  return /^0x0*[0-9a-fA-F]{1,13}$/.test(text)
    ? atMost(Number(text), max)
    : parseUnsigned(text, max);
}

function atMost(value: number, max: number): number | undefined {
  return value <= max ? value : undefined;
}

export const MAX_UINT16 = 0xffff;
export const MAX_UINT32 = 0xffff_ffff;
