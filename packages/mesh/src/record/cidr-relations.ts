/**
 * Relations between prefixes: whether one covers another, and whether they overlap.
 *
 * @module
 */
import { formatCidr, Prefix, type Cidr } from '@litz/core';

/** Returns true if every address of `inner` is in `outer`. Always false for different families. */
export function covers(outer: Readonly<Cidr>, inner: Readonly<Cidr>): boolean {
  return outer.prefixLength <= inner.prefixLength && sameBits(outer, inner, outer.prefixLength);
}

/** Returns true if the prefixes have an address in common. Always false for different families. */
export function overlaps(a: Readonly<Cidr>, b: Readonly<Cidr>): boolean {
  return sameBits(a, b, Math.min(a.prefixLength, b.prefixLength));
}

/** Returns the prefix with all bits after its length set to 0. The address is a copy. */
export function networkOf({ address, prefixLength }: Readonly<Cidr>): Prefix {
  const network = address.slice();
  for (let bit = prefixLength; bit < network.length * 8; bit++) {
    network[bit >> 3]! &= ~(0x80 >> (bit & 7));
  }
  return new Prefix(network, prefixLength);
}

/** Returns an address as a prefix of full length (/32 or /128). */
export function hostPrefix(address: Uint8Array): Prefix {
  return new Prefix(address, address.length * 8);
}

/**
 * Returns the network of a prefix as text. Prefixes with the same addresses give the same text,
 * because the bits after the length are ignored.
 */
export function cidrId(cidr: Readonly<Cidr>): string {
  return formatCidr(networkOf(cidr));
}

function sameBits(a: Readonly<Cidr>, b: Readonly<Cidr>, count: number): boolean {
  if (a.address.length !== b.address.length) return false;
  const whole = count >> 3;
  for (let i = 0; i < whole; i++) if (a.address[i] !== b.address[i]) return false;
  const mask = 0xff00 >> (count & 7);
  return (((a.address[whole] ?? 0) ^ (b.address[whole] ?? 0)) & mask & 0xff) === 0;
}
