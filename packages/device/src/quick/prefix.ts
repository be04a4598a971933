/**
 * `Prefix`: an address range.
 *
 * @module
 */

/** Host bits are zero where it is a destination. 4 or 16 bytes. */
export interface Prefix {
  readonly address: Uint8Array;
  readonly prefixLength: number;
}

/** Whether all of `narrow` lies in `wide`. */
export function contains(wide: Prefix, narrow: Prefix): boolean {
  if (wide.address.length !== narrow.address.length) return false;
  if (wide.prefixLength > narrow.prefixLength) return false;
  return samePrefix(wide, { address: narrow.address, prefixLength: wide.prefixLength });
}

/** Whether they are the same but for host bits. */
export function samePrefix(a: Prefix, b: Prefix): boolean {
  if (a.address.length !== b.address.length || a.prefixLength !== b.prefixLength) return false;
  const start = masked(b).address;
  return masked(a).address.every((byte, i) => byte === start[i]);
}

/** A copy without host bits. */
export function masked({ address, prefixLength }: Prefix): Prefix {
  const start = address.map((byte, i) => {
    const bits = Math.min(Math.max(prefixLength - i * 8, 0), 8);
    return byte & (0xff00 >> bits);
  });
  return { address: start, prefixLength };
}
