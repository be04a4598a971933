/**
 * The outer address of a peer: `192.0.2.1:51820`, `[2001:db8::1]:51820`, `vpn.example.org:51820`.
 *
 * @module
 */
import { Endpoint } from '../endpoint.ts';
import { tryParseAddress } from './address.ts';
import { tryParseScopedAddress } from './scoped-address.ts';
import { textError } from './text-error.ts';
import { MAX_UINT16, parseUnsigned } from './unsigned.ts';

/** A name that somebody has to look up. */
export interface HostEndpoint {
  host: string;
  /** 1 to 65535. */
  port: number;
}

/**
 * Of a link-local address the zone is kept: the number of an interface (`[fe80::1%2]:51820`) as
 * `scopeId`, a name (`%eth0`) as `zone`, whether or not there is such an interface.
 *
 * @throws {WireGuardError} `ERR_LITZ_INVALID_ENDPOINT`
 */
export function parseEndpoint(text: string): Endpoint | HostEndpoint {
  const endpoint = tryParseEndpoint(text);
  if (endpoint) return endpoint;
  const expected = 'ADDRESS:PORT, [IPV6]:PORT or HOST:PORT';
  throw textError('ERR_LITZ_INVALID_ENDPOINT', expected, text);
}

/** The same, undefined for what is no endpoint. */
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
 * What `parseEndpoint` reads again. The local address of an `Endpoint` has no text.
 *
 * @throws {TypeError | WireGuardError} `ERR_LITZ_INVALID_ENDPOINT`: no endpoint, or a host or a port
 *   that is none
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

/** What is shown of what is no endpoint. */
function shownOf(host: unknown, text: string): unknown {
  return typeof host === 'string' ? text : host;
}

function bracketed(text: string, port: number): Endpoint | undefined {
  const parsed = tryParseScopedAddress(text);
  if (parsed?.address.length !== 16) return undefined;
  const { address, scopeId, zone } = parsed;
  return new Endpoint(address, port, { scopeId, ...(zone !== undefined && { zone }) });
}

/** Whether to look it up at all; numbers alone are a mistyped address. */
function isHostName(host: string): boolean {
  return host.length <= MAX_HOST && HOST.test(host) && !/^[\d.]+$/.test(host);
}

const HOST = /^[\p{L}\p{N}_]([\p{L}\p{N}._-]*[\p{L}\p{N}_.])?$/u;
const MAX_HOST = 253;
