/**
 * Reads and writes an address with a prefix length: `10.0.0.1/24`, `fd00::/8`.
 *
 * @module
 */
import { checkObject, describe, requireInteger } from '../field.ts';
import { printAs } from '../print-as.ts';
import { formatAddress, tryParseAddress } from './address.ts';
import { textError } from './text-error.ts';
import { parseUnsigned } from './unsigned.ts';

/** An address with a prefix length. */
export interface Cidr {
  /** 4 or 16 bytes. Host bits are kept, because the address of an interface has them. */
  address: Uint8Array;
  prefixLength: number;
}

/** A `Cidr` that prints as its text: `10.0.0.0/8`. */
export class Prefix implements Cidr {
  static {
    printAs(this.prototype, (prefix) => `Prefix(${prefix.toString()})`);
  }

  address: Uint8Array;
  prefixLength: number;

  /**
   * @param address 4 or 16 bytes, kept by reference
   * @param prefixLength 0 to 32 for IPv4, 0 to 128 for IPv6
   * @throws {TypeError | RangeError} an argument is wrong; the message names it
   */
  constructor(address: Uint8Array, prefixLength: number) {
    checkPrefix(address, prefixLength);
    this.address = address;
    this.prefixLength = prefixLength;
  }

  toString(): string {
    return formatCidr(this);
  }

  toJSON(): string {
    return formatCidr(this);
  }
}

/**
 * Reads an address with a prefix length. If the text has no prefix length, the prefix is the single
 * address, as in all WireGuard tools. A leading zero in the length (`/010`) is refused, because
 * some programs take it for octal.
 *
 * @example
 *
 * ```ts
 * import { parseCidr } from '@litz/core';
 *
 * const { address, prefixLength } = parseCidr('10.0.0.1/24');
 * console.log(address.join('.'), prefixLength); //=> 10.0.0.1 24
 * ```
 *
 * @throws {WireGuardError} `ERR_LITZ_INVALID_CIDR`
 * @throws {TypeError} `text` is not a string
 */
export function parseCidr(text: string): Cidr {
  const cidr = tryParseCidr(text);
  if (cidr) return cidr;
  throw textError('ERR_LITZ_INVALID_CIDR', 'an address with prefix length', text);
}

/** Reads a prefix as `parseCidr` does. Returns undefined if the text is not a prefix. */
export function tryParseCidr(text: string): Cidr | undefined {
  if (typeof text !== 'string') return undefined;
  const slash = text.indexOf('/');
  const address = tryParseAddress(slash === -1 ? text : text.slice(0, slash));
  if (!address) return undefined;
  const bits = address.length * 8;
  if (slash === -1) return new Prefix(address, bits);
  const digits = text.slice(slash + 1);
  const prefixLength = parseUnsigned(digits, bits);
  const hasLeadingZero = digits.length > 1 && digits.startsWith('0');
  if (prefixLength === undefined || hasLeadingZero) return undefined;
  return new Prefix(address, prefixLength);
}

/**
 * Returns the text of a prefix, which `parseCidr` can read.
 *
 * @throws {TypeError | RangeError} the address is not valid, or the prefix length does not fit it
 */
export function formatCidr(cidr: Readonly<Cidr>): string {
  checkObject(cidr, 'cidr');
  const { address, prefixLength } = cidr;
  const text = formatAddress(address);
  requireInteger(prefixLength, 'prefixLength', 0, address.length * 8);
  return `${text}/${prefixLength}`;
}

/** @throws {TypeError | RangeError} not an address, or the prefix length does not fit it */
export function checkPrefix(address: unknown, prefixLength: unknown): void {
  if (!(address instanceof Uint8Array) || (address.length !== 4 && address.length !== 16)) {
    const got = address instanceof Uint8Array ? String(address.length) : describe(address);
    throw new TypeError(`"address" expected 4 or 16 bytes, got ${got}`);
  }
  requireInteger(prefixLength, 'prefixLength', 0, address.length * 8);
}
