/**
 * `Prefix`: a range of addresses.
 *
 * @module
 */

/**
 * `address` has 4 or 16 bytes. In the destination of a route, the bits after `prefixLength` are
 * zero.
 */
export interface Prefix {
  readonly address: Uint8Array;
  readonly prefixLength: number;
}

/** Whether `wide` contains all of `narrow`. */
export function contains(wide: Prefix, narrow: Prefix): boolean {
  if (wide.address.length !== narrow.address.length) return false;
  if (wide.prefixLength > narrow.prefixLength) return false;
  return samePrefix(wide, { address: narrow.address, prefixLength: wide.prefixLength });
}

/** Whether both are the same, apart from the bits after the prefix. */
export function samePrefix(a: Prefix, b: Prefix): boolean {
  if (a.address.length !== b.address.length || a.prefixLength !== b.prefixLength) return false;
  const start = masked(b).address;
  return masked(a).address.every((byte, i) => byte === start[i]);
}

/** Returns a copy whose bits after the prefix are zero. */
export function masked({ address, prefixLength }: Prefix): Prefix {
  const start = address.map((byte, i) => {
    const bits = Math.min(Math.max(prefixLength - i * 8, 0), 8);
    return byte & (0xff00 >> bits);
  });
  return { address: start, prefixLength };
}
