/**
 * The address family of the bytes of an address.
 *
 * @module
 */
import { AF_INET, AF_INET6 } from '../constants.ts';

/**
 * Returns AF_INET for 4 bytes, AF_INET6 for 16 bytes.
 *
 * @throws {TypeError} the address has another length
 */
export function familyOf(address: Uint8Array): number {
  if (address.length === 4) return AF_INET;
  if (address.length === 16) return AF_INET6;
  throw new TypeError(`"address" expected 4 or 16 bytes, got ${address.length}`);
}

/** Returns 0.0.0.0 or ::; undefined for a family without IP addresses. */
export function unspecifiedAddress(family: number): Uint8Array | undefined {
  if (family === AF_INET) return new Uint8Array(4);
  return family === AF_INET6 ? new Uint8Array(16) : undefined;
}
