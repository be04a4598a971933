/**
 * `isPublicAddress`: whether an address can belong to a machine on the Internet.
 *
 * @module
 */
import { parseCidr, type Cidr } from '@litz/core';
import { contains } from './prefix-contains.ts';

/** Returns false for private, shared, link-local, loopback and unique local addresses. */
export function isPublicAddress(address: Uint8Array): boolean {
  return !PRIVATE.some((prefix) => contains(prefix, address));
}

/** RFC 1918, RFC 6598, RFC 3927, RFC 1122; RFC 4193, RFC 4291. */
const PRIVATE: readonly Cidr[] = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '169.254.0.0/16',
  '127.0.0.0/8',
  'fc00::/7',
  'fe80::/10',
  '::1/128',
].map((text) => parseCidr(text));
