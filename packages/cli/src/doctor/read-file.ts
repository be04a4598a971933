/**
 * `readFile`: reads the wg-quick file of an interface, without its secrets.
 *
 * @module
 */
import { lookup } from 'node:dns/promises';
import { existsSync } from 'node:fs';
import { parseConfig, wipeSecrets } from '@litz/config';
import { formatCidr, formatKey } from '@litz/core';
import { publicKeyOfStatus } from '../show/public-key.ts';
import { readTunnelFile } from '../read-tunnel-file.ts';
import type { FileFacts, HostFacts } from './tunnel-facts.ts';

export interface ReadFile {
  readonly facts: FileFacts;
  /** The names of endpoints, by the public key of the peer. */
  readonly hosts: ReadonlyMap<string, { readonly name: string; readonly port: number }>;
}

/** Returns undefined if there is no file. */
export function readFile(path: string): ReadFile | undefined {
  if (!existsSync(path)) return undefined;
  const hosts = new Map<string, { name: string; port: number }>();
  let hasOwnKeyAsPeer = false;
  const owners = new Map<string, Set<string>>();
  try {
    const config = parseConfig(
      readTunnelFile(path, () => {}),
      { file: path },
    );
    const own = publicKeyOfStatus(config.interface);
    wipeSecrets({ ...config.interface, peers: config.peers });
    for (const { publicKey, endpoint, allowedIps } of config.peers) {
      const key = formatKey(publicKey);
      hasOwnKeyAsPeer ||= key === own;
      if (endpoint && 'host' in endpoint) {
        hosts.set(key, { name: endpoint.host, port: endpoint.port });
      }
      for (const prefix of allowedIps) {
        const text = formatCidr(prefix);
        owners.set(text, (owners.get(text) ?? new Set()).add(key));
      }
    }
  } catch (error) {
    const { message } = error as Error;
    return { facts: { path, problem: message, sharedPrefixes: [], hasOwnKeyAsPeer }, hosts };
  }
  const sharedPrefixes = [...owners].filter(([, keys]) => keys.size > 1).map(([text]) => text);
  return { facts: { path, problem: undefined, sharedPrefixes, hasOwnKeyAsPeer }, hosts };
}

/** Looks a name up, in both families. If there is no answer in time, the result says so. */
export async function readHost(name: string, port: number): Promise<HostFacts> {
  const late = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => reject(new Error('no answer')), LOOKUP_MS);
    timer.unref();
  });
  try {
    const found = await Promise.race([lookup(name, { all: true }), late]);
    return { name, port, addresses: found.map(({ address }) => address) };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { name, port, addresses: [], problem: code ?? message };
  }
}

const LOOKUP_MS = 8000;
