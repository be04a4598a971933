/**
 * Reads and writes the outer address of a peer: `192.0.2.1:51820`, `[2001:db8::1]:51820`,
 * `vpn.example.org:51820`.
 *
 * @module
 */
import { Endpoint } from '../endpoint.ts';
import { tryParseAddress } from './address.ts';
import { tryParseScopedAddress } from './scoped-address.ts';
import { textError } from './text-error.ts';
import { MAX_UINT16, parseUnsigned } from './unsigned.ts';

/** An endpoint with a host name that must be resolved. */
export interface HostEndpoint {
  host: string;
  /** 1 to 65535. */
  port: number;
}

/**
 * Reads an endpoint. The zone of a link-local address is kept. If the zone is the number of an
 * interface (`[fe80::1%2]:51820`), it becomes `scopeId`; if it is a name (`%eth0`), it becomes
 * `zone`. The function does not check whether the interface exists.
 *
 * @example
 *
 * ```ts
 * import { Endpoint, parseEndpoint } from '@litz/core';
 *
 * console.log(parseEndpoint('192.0.2.1:51820') instanceof Endpoint); //=> true
 * console.log(parseEndpoint('vpn.example.org:51820') instanceof Endpoint); //=> false
 * ```
 *
 * @throws {WireGuardError} `ERR_LITZ_INVALID_ENDPOINT`
 * @throws {TypeError} `text` is not a string
 */
export function parseEndpoint(text: string): Endpoint | HostEndpoint {
  const endpoint = tryParseEndpoint(text);
  if (endpoint) return endpoint;
  const expected = 'ADDRESS:PORT, [IPV6]:PORT or HOST:PORT';
  throw textError('ERR_LITZ_INVALID_ENDPOINT', expected, text);
}

/** Reads an endpoint as `parseEndpoint` does. Returns undefined if the text is not an endpoint. */
export function tryParseEndpoint(text: string): Endpoint | HostEndpoint | undefined {
  if (typeof text !== 'string') return undefined;
  const colon = text.lastIndexOf(':');
  if (colon === -1) return undefined;
  const port = parseUnsigned(text.slice(colon + 1), MAX_UINT16);
  if (port === undefined || port === 0) return undefined;
  const host = text.slice(0, colon);
  if (host.startsWith('[')) {
    return host.endsWith(']') ? bracketed(host.slice(1, -1), port) : undefined;
  }
  const address = tryParseAddress(host);
  if (address) return address.length === 4 ? new Endpoint(address, port) : undefined;
  return isHostName(host) ? { host, port } : undefined;
}

/**
 * Returns the text of an endpoint, which `parseEndpoint` can read. The source address of an
 * `Endpoint` is not part of the text.
 *
 * @throws {TypeError | WireGuardError} `ERR_LITZ_INVALID_ENDPOINT`: the host or the port is not
 *   valid
 */
export function formatEndpoint(endpoint: Endpoint | HostEndpoint): string {
  if (endpoint instanceof Endpoint) return endpoint.toString();
  const { host, port } = (endpoint ?? {}) as Partial<HostEndpoint>;
  const text = String(host).includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const isRead = typeof host === 'string' && typeof port === 'number' && tryParseEndpoint(text);
  if (isRead) return text;
  throw textError(
    'ERR_LITZ_INVALID_ENDPOINT',
    'an address or a name, and a port',
    shownOf(host, text),
  );
}

/** Returns the value that the error shows. */
function shownOf(host: unknown, text: string): unknown {
  return typeof host === 'string' ? text : host;
}

function bracketed(text: string, port: number): Endpoint | undefined {
  const parsed = tryParseScopedAddress(text);
  if (parsed?.address.length !== 16) return undefined;
  const { address, scopeId, zone } = parsed;
  return new Endpoint(address, port, { scopeId, ...(zone !== undefined && { zone }) });
}

/**
 * Returns whether this can be a host name. A text of only digits and dots is a mistyped address.
 */
function isHostName(host: string): boolean {
  return host.length <= MAX_HOST && HOST.test(host) && !/^[\d.]+$/.test(host);
}

const HOST = /^[\p{L}\p{N}_]([\p{L}\p{N}._-]*[\p{L}\p{N}_.])?$/u;
/** The longest host name in the DNS, in characters. */
const MAX_HOST = 253;
