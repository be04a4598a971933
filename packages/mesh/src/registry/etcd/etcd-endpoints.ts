/**
 * `EtcdEndpoints`: the servers in a URL `etcd://HOST:PORT,HOST:PORT`.
 *
 * @module
 */
import { lookup as lookupName } from 'node:dns/promises';
import { isIP } from 'node:net';
import { quote } from '@litz/core/internals';
import type { RegistryAddress } from '../registry.ts';

export interface EtcdEndpoint {
  /** A host name or an address, without brackets. */
  readonly host: string;
  readonly port: number;
}

export interface EtcdEndpoints {
  readonly isEncrypted: boolean;
  /** The servers, at least one. */
  readonly list: readonly EtcdEndpoint[];
}

/** Returns all addresses of a host name. */
export type LookUp = (host: string) => Promise<readonly string[]>;

/**
 * Parses a URL.
 *
 * @param url `etcd://` for connections without TLS, `etcds://` for TLS; the default port is 2379
 * @throws {TypeError} the URL is not of this form
 */
export function parseEtcdEndpoints(url: string): EtcdEndpoints {
  const [, scheme, endpoints = ''] = /^(etcds?):\/\/([^/]+)\/?$/.exec(url) ?? [];
  if (!scheme) throw invalidEndpoint(url);
  return { isEncrypted: scheme === 'etcds', list: endpoints.split(',').map(parseEndpoint) };
}

/** Returns an endpoint as text, for example `[2001:db8::1]:2379`. */
export function formatEndpoint({ host, port }: EtcdEndpoint): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/**
 * Returns the addresses of all endpoints, each once. A name that cannot be resolved is skipped if
 * another endpoint has an address.
 *
 * @throws {Error} no name can be resolved
 */
export async function resolveEndpoints(
  { list }: EtcdEndpoints,
  lookUp: LookUp = lookUpAll,
): Promise<readonly RegistryAddress[]> {
  const found = new Map<string, RegistryAddress>();
  let trouble: unknown;
  for (const { host, port } of list) {
    try {
      for (const address of isIP(host) ? [host] : await lookUp(host)) {
        found.set(`${address} ${port}`, { address, port });
      }
    } catch (error) {
      trouble = error;
    }
  }
  if (found.size === 0 && trouble) throw trouble;
  return [...found.values()];
}

function parseEndpoint(text: string): EtcdEndpoint {
  const [, inBrackets, name, digits] =
    /^(?:\[([\da-fA-F:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$/.exec(text.trim()) ?? [];
  const host = inBrackets ?? name;
  const port = digits === undefined ? DEFAULT_PORT : Number(digits);
  const isWrongAddress = inBrackets !== undefined && isIP(inBrackets) !== 6;
  if (host === undefined || isWrongAddress || port < 1 || port > 65_535)
    throw invalidEndpoint(text);
  return { host, port };
}

function invalidEndpoint(text: string): TypeError {
  return new TypeError(
    `expected etcd://HOST:PORT[,HOST:PORT], or etcds:// for TLS, got ${quote(text)}`,
  );
}

async function lookUpAll(host: string): Promise<readonly string[]> {
  return (await lookupName(host, { all: true })).map(({ address }) => address);
}

const DEFAULT_PORT = 2379;
