/**
 * Reads the addresses of `litz proxy`: where a service listens, and what a connection leads to.
 *
 * As in ssh and wireproxy, `:1080` and `*:1080` mean all addresses of the machine. A port without
 * an address means 127.0.0.1 for a service that listens on the machine, and all addresses for a
 * service that listens inside the tunnel.
 *
 * @module
 */
import { isIP, isIPv4 } from 'node:net';
import { MAX_UINT16, parseUnsigned, tryParseEndpoint } from '@litz/core/internals';
import { Endpoint, formatAddress } from '@litz/core';

/** Where a service listens. */
export interface ListenAddress {
  /** An address or a name; undefined: all addresses. */
  readonly host: string | undefined;
  /** 0: any free port. */
  readonly port: number;
}

/** What a connection leads to. */
export interface Target {
  /** An address, or a name that is resolved for each connection. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
}

/**
 * Reads `PORT`, `ADDRESS:PORT`, `NAME:PORT`, `[IPV6]:PORT`, `:PORT` or `*:PORT`.
 *
 * @param alone which addresses a port alone means
 * @returns undefined if the text has another form
 */
export function readListenAddress(
  text: string,
  alone: 'loopback' | 'all' = 'loopback',
): ListenAddress | undefined {
  const [, host, digits = ''] = /^(?:(.*):)?(\d{1,5})$/s.exec(text) ?? [];
  const port = parseUnsigned(digits, MAX_UINT16);
  if (port === undefined) return undefined;
  if (host === undefined) return { host: alone === 'all' ? undefined : LOOPBACK, port };
  if (host === '' || host === '*') return { host: undefined, port };
  // The parser of endpoints refuses port 0, so it gets port 1, and its result for the port is not
  // used.
  const target = readTarget(`${host}:1`);
  return target && { host: target.host, port };
}

/**
 * Reads `ADDRESS:PORT`, `NAME:PORT` or `[IPV6]:PORT`. An IPv6 address needs no brackets, because
 * ssh passes an address without brackets for `%h:%p`. `wg` accepts such an address in the field
 * `Endpoint` too.
 *
 * @returns undefined if the text has another form
 */
export function readTarget(text: string): Target | undefined {
  const [, bare, port] = /^([^[\]]*:.*):(\d+)$/s.exec(text) ?? [];
  const endpoint = tryParseEndpoint(bare === undefined ? text : `[${bare}]:${port}`);
  if (endpoint instanceof Endpoint) {
    return { host: formatAddress(endpoint.address), port: endpoint.port };
  }
  return endpoint && { host: endpoint.host, port: endpoint.port };
}

/** Returns the text of an address and a port, as the functions of this file read it. */
export function formatHostPort({ host, port }: ListenAddress): string {
  return host?.includes(':') === true ? `[${host}]:${port}` : `${host ?? '*'}:${port}`;
}

/** Returns whether other machines can reach a service that listens on this host. */
export function isOpenToOthers(host: string | undefined): boolean {
  if (host === undefined) return true;
  if (isIPv4(host)) return !host.startsWith('127.');
  return isIP(host) === 0 ? host.toLowerCase() !== 'localhost' : host !== '::1';
}

const LOOPBACK = '127.0.0.1';
