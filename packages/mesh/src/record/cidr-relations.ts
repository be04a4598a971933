/**
 * How prefixes lie to each other: whether one covers another, whether they share addresses.
 *
 * @module
 */
import { formatCidr, Prefix, type Cidr } from '@litz/core';

/** Whether every address of `inner` is one of `outer`. Never across families. */
export function covers(outer: Readonly<Cidr>, inner: Readonly<Cidr>): boolean {
  return outer.prefixLength <= inner.prefixLength && sameBits(outer, inner, outer.prefixLength);
}

/** Whether they have an address in common. Never across families. */
export function overlaps(a: Readonly<Cidr>, b: Readonly<Cidr>): boolean {
  return sameBits(a, b, Math.min(a.prefixLength, b.prefixLength));
}

/** Without the bits behind its length; the address is a copy. */
export function networkOf({ address, prefixLength }: Readonly<Cidr>): Prefix {
  const network = address.slice();
  for (let bit = prefixLength; bit < network.length * 8; bit++) {
    network[bit >> 3]! &= ~(0x80 >> (bit & 7));
  }
  return new Prefix(network, prefixLength);
}

/** One address as a prefix of its full length. */
export function hostPrefix(address: Uint8Array): Prefix {
  return new Prefix(address, address.length * 8);
}

/** The same text for the same addresses, whatever bits stand behind the length. */
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
