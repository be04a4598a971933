/**
 * Reads an address with a zone, which is the interface of a link-local address: `fe80::1%eth0` (RFC
 * 4007).
 *
 * As in getaddrinfo, a zone is a number, or, for a link-local address, the name of an interface.
 * The code that sends must look up the number of a named interface, because the number depends on
 * the network namespace and can change.
 *
 * @module
 */
import { tryParseAddress } from './address.ts';
import { isInterfaceName } from './interface-name.ts';
import { MAX_UINT32, parseUnsigned } from './unsigned.ts';

/** An address with an optional zone, as a number or as a name. */
export interface ScopedAddress {
  /** 4 or 16 bytes. */
  readonly address: Uint8Array;
  /** The zone as a number; 0 if there is none. */
  readonly scopeId: number;
  /** The zone as the name of an interface. */
  readonly zone: string | undefined;
}

/**
 * Reads an address with an optional zone. Returns undefined if the text is not an address, or if
 * the address cannot have this zone.
 */
export function tryParseScopedAddress(text: string): ScopedAddress | undefined {
  if (typeof text !== 'string') return undefined;
  const percent = text.indexOf('%');
  const address = tryParseAddress(percent === -1 ? text : text.slice(0, percent));
  if (!address || percent === -1) return address && { address, scopeId: 0, zone: undefined };
  if (address.length !== 16) return undefined;
  const zone = text.slice(percent + 1);
  const scopeId = parseUnsigned(zone, MAX_UINT32);
  if (scopeId !== undefined) return { address, scopeId, zone: undefined };
  if (/^\d+$/.test(zone)) return undefined;
  return isLinkLocal(address) && isZone(zone) ? { address, scopeId: 0, zone } : undefined;
}

/**
 * Returns whether the text of an endpoint can contain this zone: the name of an interface without
 * "%" and brackets.
 */
export function isZone(zone: string): boolean {
  return isInterfaceName(zone) && !/[%[\]]/.test(zone);
}

/**
 * Returns whether the address is in fe80::/10, or is a link-local multicast address (ff?2::/16).
 */
function isLinkLocal(address: Uint8Array): boolean {
  if (address[0] === 0xff) return (address[1] & 0x0f) === 0x02;
  return address[0] === 0xfe && (address[1] & 0xc0) === 0x80;
}
