/**
 * `EtcdEndpoints`: the servers that `etcd://HOST:PORT,HOST:PORT` names.
 *
 * @module
 */
import { lookup as lookupName } from 'node:dns/promises';
import { isIP } from 'node:net';
import { quote } from '@litz/core/internals';
import type { RegistryAddress } from '../registry.ts';

export interface EtcdEndpoint {
  /** A name or an address, without brackets. */
  readonly host: string;
  readonly port: number;
}

export interface EtcdEndpoints {
  readonly isEncrypted: boolean;
  /** At least one. */
  readonly list: readonly EtcdEndpoint[];
}

/** Every address of a name. */
export type LookUp = (host: string) => Promise<readonly string[]>;

/**
 * @param url `etcd://` for plain connections, `etcds://` for TLS; the port is 2379 where none is given
 * @throws {TypeError} it is no such text
 */
export function parseEtcdEndpoints(url: string): EtcdEndpoints {
  const [, scheme, places = ''] = /^(etcds?):\/\/([^/]+)\/?$/.exec(url) ?? [];
  if (!scheme) throw wrong(url);
  return { isEncrypted: scheme === 'etcds', list: places.split(',').map(parseEndpoint) };
}

/** `[2001:db8::1]:2379` */
export function formatEndpoint({ host, port }: EtcdEndpoint): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/**
 * The addresses of all of them, each once. A name that can't be resolved has none as long as another
 * endpoint has some.
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
  if (host === undefined || isWrongAddress || port < 1 || port > 65_535) throw wrong(text);
  return { host, port };
}

function wrong(text: string): TypeError {
  return new TypeError(
    `expected etcd://HOST:PORT[,HOST:PORT], or etcds:// for TLS, got ${quote(text)}`,
  );
}

async function lookUpAll(host: string): Promise<readonly string[]> {
  return (await lookupName(host, { all: true })).map(({ address }) => address);
}

const DEFAULT_PORT = 2379;
