/**
 * An address with a prefix length: `10.0.0.1/24`, `fd00::/8`.
 *
 * @module
 */
import { formatAddress, tryParseAddress } from './address.ts';
import { textError } from './text-error.ts';
import { parseUnsigned } from './unsigned.ts';

export interface Cidr {
  /** 4 or 16 bytes. Host bits are kept: an interface's address has them. */
  address: Uint8Array;
  prefixLength: number;
}

/**
 * Without a prefix length it is the one address, as everywhere in WireGuard's tools. A zero in front
 * of the length (`/010`) is refused: it is ten to one program and eight to another.
 *
 * @throws {WireGuardError} `ERR_LITZ_INVALID_CIDR`
 */
export function parseCidr(text: string): Cidr {
  const cidr = tryParseCidr(text);
  if (cidr) return cidr;
  throw textError('ERR_LITZ_INVALID_CIDR', 'an address with prefix length', text);
}

/** The same, undefined for what is none. */
export function tryParseCidr(text: string): Cidr | undefined {
  if (typeof text !== 'string') return undefined;
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
