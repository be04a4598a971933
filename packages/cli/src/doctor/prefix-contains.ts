/**
 * `contains`: whether an address is in a prefix.
 *
 * @module
 */
import type { Cidr } from '@litz/core';

/** Returns whether the address is in the prefix; false for different families. */
export function contains(prefix: Readonly<Cidr>, address: Uint8Array): boolean {
  if (prefix.address.length !== address.length) return false;
  for (let bit = 0; bit < prefix.prefixLength; bit++) {
    const mask = 0x80 >> (bit & 7);
    if ((address[bit >> 3]! & mask) !== (prefix.address[bit >> 3]! & mask)) return false;
  }
  return true;
}
