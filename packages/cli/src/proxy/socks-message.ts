/**
 * The bytes of SOCKS5: requests, replies and the header of datagrams (RFC 1928), and the exchange
 * of a password (RFC 1929).
 *
 * ```
 *   request   05 | command | 00 | type | address | port
 *   reply     05 | code    | 00 | type | address | port
 *   datagram  00 00 | fragment | type | address | port | data
 *
 *   type 01: 4 bytes; 03: a length and a name; 04: 16 bytes
 * ```
 *
 * @module
 */
import { formatAddress } from '@litz/core';
import { tryParseAddress } from '@litz/core/internals';
import type { Target } from './addresses.ts';
import { codeOf } from './proxy-counts.ts';

/** The version of SOCKS, first byte of its messages. */
export const SOCKS_VERSION = 5;
/** The version of the exchange of a password. */
export const PASSWORD_VERSION = 1;

/** The methods of RFC 1928, section 3. */
export const METHOD = { none: 0x00, password: 0x02, unacceptable: 0xff } as const;
/** The commands of RFC 1928, section 4. */
export const COMMAND = { connect: 0x01, bind: 0x02, associate: 0x03 } as const;
/** The address types of RFC 1928, section 5. */
export const ADDRESS_TYPE = { ipv4: 0x01, name: 0x03, ipv6: 0x04 } as const;
/** The codes of a reply, RFC 1928, section 6. */
export const REPLY = {
  succeeded: 0x00,
  failure: 0x01,
  networkUnreachable: 0x03,
  hostUnreachable: 0x04,
  refused: 0x05,
  ttlExpired: 0x06,
  commandNotSupported: 0x07,
  addressTypeNotSupported: 0x08,
} as const;

/** A datagram of a client: where it goes, and its data, a view of the received bytes. */
export interface SocksDatagram {
  readonly target: Target;
  readonly data: Uint8Array;
}

/** Returns a reply with an address; without one, the address is 0.0.0.0:0. */
export function formatReply(code: number, bound: Target = NOWHERE): Uint8Array {
  return Buffer.concat([Uint8Array.of(SOCKS_VERSION, code, 0), addressBytes(bound)]);
}

/** Returns the code of a reply for an error of a connection. */
export function replyOf(error: unknown): number {
  switch (codeOf(error)) {
    case 'ECONNREFUSED':
      return REPLY.refused;
    case 'ENETUNREACH':
    case 'EADDRNOTAVAIL':
      return REPLY.networkUnreachable;
    case 'EHOSTUNREACH':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return REPLY.hostUnreachable;
    case 'ETIMEDOUT':
    case 'ETIMEOUT':
      return REPLY.ttlExpired;
    default:
      return REPLY.failure;
  }
}

/** Returns how many bytes of an address follow its type; undefined: the type is no IP address. */
export function addressLength(type: number): number | undefined {
  if (type === ADDRESS_TYPE.ipv4) return 4;
  return type === ADDRESS_TYPE.ipv6 ? 16 : undefined;
}

/**
 * Returns the address as text: an IP address, or a name. The bytes are borrowed.
 *
 * @returns undefined: the name is empty, or has characters that no name has
 */
export function hostOf(type: number, bytes: Uint8Array): string | undefined {
  if (type !== ADDRESS_TYPE.name) return formatAddress(Uint8Array.from(bytes));
  // A name is ASCII text. Some clients send an address as a name.
  const name = Buffer.from(bytes).toString('latin1');
  return NAME.test(name) ? name : undefined;
}

/**
 * Reads a datagram of a client. The bytes are borrowed; `data` is a view of them.
 *
 * @returns undefined: the datagram is not valid, or is a fragment, which RFC 1928 lets a server
 *   drop
 */
export function parseDatagram(bytes: Uint8Array): SocksDatagram | undefined {
  const [reserved, reserved2, fragment, type = -1, nameLength = 0] = bytes;
  if (bytes.length < 5 || reserved !== 0 || reserved2 !== 0 || fragment !== 0) return undefined;
  const isName = type === ADDRESS_TYPE.name;
  const start = isName ? 5 : 4;
  const length = isName ? nameLength : addressLength(type);
  if (length === undefined || bytes.length < start + length + 2) return undefined;
  const end = start + length;
  const host = hostOf(type, bytes.subarray(start, end));
  const port = bytes[end]! * 256 + bytes[end + 1]!;
  if (host === undefined || port === 0) return undefined;
  return { target: { host, port }, data: bytes.subarray(end + 2) };
}

/** Returns a datagram for a client: the header with its source, and a copy of the data. */
export function formatDatagram(source: Target, data: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.of(0, 0, 0), addressBytes(source), data]);
}

/** Returns type, address and port. A host that is not an address becomes 0.0.0.0. */
function addressBytes({ host, port }: Target): Uint8Array {
  const address = tryParseAddress(host.replace(/%.*$/, '')) ?? new Uint8Array(4);
  const type = address.length === 4 ? ADDRESS_TYPE.ipv4 : ADDRESS_TYPE.ipv6;
  return Uint8Array.of(type, ...address, port >> 8, port & 0xff);
}

const NOWHERE: Target = { host: '0.0.0.0', port: 0 };
/** Letters, digits and the characters that occur in names and in addresses as text. */
const NAME = /^[A-Za-z0-9_.:-]{1,255}$/;
