/**
 * An address with a zone, the interface that a link-local address is of: `fe80::1%eth0` (RFC 4007).
 *
 * As getaddrinfo has it, a zone is a number, or of a link-local address the name of an interface. Which
 * number a name has is for whoever sends: it depends on the network namespace, and changes.
 *
 * @module
 */
import { tryParseAddress } from './address.ts';
import { isInterfaceName } from './interface-name.ts';
import { MAX_UINT32, parseUnsigned } from './unsigned.ts';

export interface ScopedAddress {
  /** 4 or 16 bytes. */
  readonly address: Uint8Array;
  /** A zone that is a number; 0: none. */
  readonly scopeId: number;
  /** A zone that is the name of an interface. */
  readonly zone: string | undefined;
}

/** Undefined for what is no address, and for a zone that no interface can have. */
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

/** Whether an endpoint's text can have this zone: the name of an interface without "%" and brackets. */
export function isZone(zone: string): boolean {
  return isInterfaceName(zone) && !/[%[\]]/.test(zone);
}

/** fe80::/10, and the multicast addresses of a link: ff?2::/16. */
function isLinkLocal(address: Uint8Array): boolean {
  if (address[0] === 0xff) return (address[1] & 0x0f) === 0x02;
  return address[0] === 0xfe && (address[1] & 0xc0) === 0x80;
}
