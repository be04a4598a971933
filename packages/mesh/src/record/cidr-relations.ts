/**
 * Relations between prefixes: whether one covers another, and whether they overlap.
 *
 * @module
 */
import { Prefix, type Cidr } from '@litz/core';

/** Returns true if every address of `inner` is in `outer`. Always false for different families. */
export function covers(outer: Readonly<Cidr>, inner: Readonly<Cidr>): boolean {
  return outer.prefixLength <= inner.prefixLength && sameBits(outer, inner, outer.prefixLength);
}

/** Returns true if the prefixes have an address in common. Always false for different families. */
export function overlaps(a: Readonly<Cidr>, b: Readonly<Cidr>): boolean {
  return sameBits(a, b, Math.min(a.prefixLength, b.prefixLength));
}

/** Returns the address with all bits after the length set to 0, as a copy. */
export function networkAddress({ address, prefixLength }: Readonly<Cidr>): Uint8Array {
  const network = address.slice();
  for (let i = 0; i < network.length; i++) {
    const kept = Math.min(Math.max(prefixLength - i * 8, 0), 8);
    network[i]! &= 0xff00 >> kept;
  }
  return network;
}

/**
 * Returns the prefix with all bits after its length set to 0. If they are 0 already, returns the
 * same object.
 */
export function networkOf(prefix: Readonly<Cidr>): Readonly<Cidr> {
  const address = networkAddress(prefix);
  if (address.every((byte, i) => byte === prefix.address[i])) return prefix;
  return new Prefix(address, prefix.prefixLength);
}

/** Returns an address as a prefix of full length (/32 or /128). */
export function hostPrefix(address: Uint8Array): Prefix {
  return new Prefix(address, address.length * 8);
}

function sameBits(a: Readonly<Cidr>, b: Readonly<Cidr>, count: number): boolean {
  if (a.address.length !== b.address.length) return false;
  const whole = count >> 3;
  for (let i = 0; i < whole; i++) if (a.address[i] !== b.address[i]) return false;
  const mask = 0xff00 >> (count & 7);
  return (((a.address[whole] ?? 0) ^ (b.address[whole] ?? 0)) & mask & 0xff) === 0;
}
