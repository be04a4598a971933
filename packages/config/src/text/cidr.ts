/**
 * An address with a prefix length: `10.0.0.1/24`, `fd00::/8`.
 *
 * @module
 */
import { WireGuardError } from '@litz/core';
import { quote } from '@litz/core/internals';
import { formatAddress, tryParseAddress } from './address.ts';
import { parseUnsigned } from './unsigned.ts';

export interface Cidr {
  /** 4 or 16 bytes. Host bits are kept: an interface's address has them. */
  address: Uint8Array;
  prefixLength: number;
}

/**
 * Without a prefix length it is the one address, as everywhere in WireGuard's tools.
 *
 * @throws {WireGuardError} `ERR_LITZ_INVALID_CIDR`
 */
export function parseCidr(text: string): Cidr {
  const cidr = tryParseCidr(text);
  if (cidr) return cidr;
  throw new WireGuardError(
    'ERR_LITZ_INVALID_CIDR',
    `expected an address with prefix length, got ${quote(text)}`,
  );
}

/** The same, undefined for what is none. */
export function tryParseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/');
  const address = tryParseAddress(slash === -1 ? text : text.slice(0, slash));
  if (!address) return undefined;
  const bits = address.length * 8;
  if (slash === -1) return { address, prefixLength: bits };
  const digits = text.slice(slash + 1);
  const prefixLength = parseUnsigned(digits, bits);
  const hasLeadingZero = digits.length > 1 && digits.startsWith('0');
  return prefixLength === undefined || hasLeadingZero ? undefined : { address, prefixLength };
}

export function formatCidr({ address, prefixLength }: Readonly<Cidr>): string {
  return `${formatAddress(address)}/${prefixLength}`;
}
