/**
 * The outer address of a peer: `192.0.2.1:51820`, `[2001:db8::1]:51820`, `vpn.example.org:51820`.
 *
 * @module
 */
import { Endpoint, WireGuardError } from '@litz/core';
import { quote } from '@litz/core/internals';
import { formatAddress, tryParseAddress } from './address.ts';
import { MAX_UINT16, MAX_UINT32, parseUnsigned } from './unsigned.ts';

/** A name that somebody has to look up, or a link-local address with the name of its interface. */
export interface HostEndpoint {
  host: string;
  /** 1 to 65535. */
  port: number;
}

/**
 * A zone is kept when it is a number (`[fe80::1%2]:51820`); with a name (`%eth0`) the result is a
 * `HostEndpoint` whose host is `fe80::1%eth0`, which resolvers understand.
 *
 * @throws {WireGuardError} `ERR_LITZ_INVALID_ENDPOINT`
 */
export function parseEndpoint(text: string): Endpoint | HostEndpoint {
  const endpoint = tryParseEndpoint(text);
  if (endpoint) return endpoint;
  throw new WireGuardError(
    'ERR_LITZ_INVALID_ENDPOINT',
    `expected ADDRESS:PORT, [IPV6]:PORT or HOST:PORT, got ${quote(text)}`,
  );
}

export function tryParseEndpoint(text: string): Endpoint | HostEndpoint | undefined {
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

/** What `parseEndpoint` reads again. The local address of an `Endpoint` has no text. */
export function formatEndpoint(endpoint: Endpoint | HostEndpoint): string {
  if (!(endpoint instanceof Endpoint)) {
    const { host, port } = endpoint;
    return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  }
  const address = formatAddress(endpoint.address);
  if (endpoint.address.length === 4) return `${address}:${endpoint.port}`;
  const zone = endpoint.scopeId === 0 ? '' : `%${endpoint.scopeId}`;
  return `[${address}${zone}]:${endpoint.port}`;
}

function bracketed(text: string, port: number): Endpoint | HostEndpoint | undefined {
  const percent = text.indexOf('%');
  const address = tryParseAddress(percent === -1 ? text : text.slice(0, percent));
  if (address?.length !== 16) return undefined;
  if (percent === -1) return new Endpoint(address, port);
  const zone = text.slice(percent + 1);
  const scopeId = parseUnsigned(zone, MAX_UINT32);
  if (scopeId !== undefined) return new Endpoint(address, port, { scopeId });
  return ZONE.test(zone) ? { host: text, port } : undefined;
}

/** Whether to look it up at all; numbers alone are a mistyped address. */
function isHostName(host: string): boolean {
  return host.length <= MAX_HOST && HOST.test(host) && !/^[\d.]+$/.test(host);
}

const HOST = /^[\p{L}\p{N}_]([\p{L}\p{N}._-]*[\p{L}\p{N}_.])?$/u;
const MAX_HOST = 253;
/** An interface's name (kernel: dev_valid_name) of at most 15 bytes. */
const ZONE = /^[^\s/:%[\]]{1,15}$/;
