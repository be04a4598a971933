/**
 * IP addresses: bytes inside, text outside.
 *
 * @module
 */
import { WireGuardError } from '@litz/core';
import { quote } from '@litz/core/internals';
import ipaddr from 'ipaddr.js';

/**
 * 4 or 16 new bytes. IPv4 is four decimal numbers: what old parsers make of `010.1` or `0x7f.1` is
 * refused. No zone; `parseEndpoint` takes one.
 *
 * @throws {WireGuardError} `ERR_LITZ_INVALID_ADDRESS`
 */
export function parseAddress(text: string): Uint8Array {
  const address = tryParseAddress(text);
  if (address) return address;
  throw new WireGuardError(
    'ERR_LITZ_INVALID_ADDRESS',
    `expected an IPv4 or IPv6 address, got ${quote(text)}`,
  );
}

/** The same, undefined for what is no address. */
export function tryParseAddress(text: string): Uint8Array | undefined {
  if (typeof text !== 'string' || text.length > MAX_TEXT) return undefined;
  if (!text.includes(':')) return IPV4.test(text) ? parseIPv4(text) : undefined;
  // Zones and whatever else ipaddr.js is generous with end here.
  if (!IPV6_CHARACTERS.test(text) || !ipaddr.IPv6.isValid(text)) return undefined;
  const tail = text.slice(text.lastIndexOf(':') + 1);
  if (tail.includes('.') && !IPV4.test(tail)) return undefined;
  return Uint8Array.from(ipaddr.IPv6.parse(text).toByteArray());
}

/** The canonical text (RFC 5952): lower case, the longest run of zeros left out. */
export function formatAddress(address: Uint8Array): string {
  if (address.length === 4) return address.join('.');
  if (address.length !== 16) {
    throw new TypeError(`"address" expected 4 or 16 bytes, got ${address.length}`);
  }
  const groups = groupsOf(address);
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  // Section 5: an address that stands for an IPv4 one shows it.
  if (isMapped) return `::ffff:${address.subarray(12).join('.')}`;
  const { start, length } = longestZeroRun(groups);
  const text = groups.map((group) => group.toString(16));
  if (length < 2) return text.join(':');
  return `${text.slice(0, start).join(':')}::${text.slice(start + length).join(':')}`;
}

function parseIPv4(text: string): Uint8Array {
  return Uint8Array.from(ipaddr.IPv4.parse(text).toByteArray());
}

function groupsOf(address: Uint8Array): number[] {
  const view = new DataView(address.buffer, address.byteOffset, 16);
  return Array.from({ length: 8 }, (_, i) => view.getUint16(i * 2));
}

/** The first of the longest ones (section 4.2.3). */
function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let length = 0;
  for (const [i, group] of groups.entries()) {
    length = group === 0 ? length + 1 : 0;
    if (length > best.length) best = { start: i - length + 1, length };
  }
  return best;
}

const OCTET = '(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const IPV4 = new RegExp(`^${OCTET}(\\.${OCTET}){3}$`);
const IPV6_CHARACTERS = /^[0-9a-fA-F:.]+$/;
/** `0000:0000:0000:0000:0000:ffff:255.255.255.255` */
const MAX_TEXT = 45;
