/**
 * `syncChange`: the smallest change from what a device has to what a file says, as `wg syncconf`
 * makes it. Peers that stay keep their sessions.
 *
 * @module
 */
import {
  formatCidr,
  formatEndpoint,
  type Cidr,
  type DeviceConfiguration,
  type DeviceStatus,
} from '@litz/config';
import { formatKey, type PeerConfiguration, type PublicKey } from '@litz/core';
import { equalBytes } from '@litz/core/internals';

/** What `syncChange` needs of the file that was applied before. */
export interface EarlierFile {
  /** The endpoints of peers, by key. */
  readonly endpoints: ReadonlyMap<string, string>;
}

/**
 * Returns the change. If the file has no key, port or mark, the device keeps its own, which a hook
 * or the system has chosen. A peer that has roamed keeps its endpoint unless the endpoint in the
 * file has changed.
 *
 * @param wanted the configuration of the file; the change has references to its keys, and no copies
 *   of them
 */
export function syncChange(
  status: DeviceStatus,
  wanted: DeviceConfiguration,
  earlier?: EarlierFile,
): DeviceConfiguration {
  const { privateKey, listenPort, fwmark } = wanted;
  const change: DeviceConfiguration = {};
  if (privateKey && !isSameKey(privateKey, status.privateKey)) change.privateKey = privateKey;
  if (listenPort && listenPort !== status.listenPort) change.listenPort = listenPort;
  if (fwmark && fwmark !== status.fwmark) change.fwmark = fwmark;
  const present = new Map(status.peers.map((peer) => [formatKey(peer.publicKey), peer]));
  const merged = mergedPeers(wanted.peers ?? []);
  const peers: PeerConfiguration[] = [];
  for (const [key, { publicKey }] of present) {
    if (!merged.has(key)) peers.push({ publicKey, remove: true });
  }
  for (const [key, peer] of merged) {
    const found = present.get(key);
    const changed = found ? changedPeer(found, peer, earlier?.endpoints.get(key)) : peer;
    if (Object.keys(changed).length > 1) peers.push(changed);
  }
  return peers.length > 0 ? { ...change, peers } : change;
}

/** Returns the endpoints that a file gives, for the next `syncChange`. */
export function endpointsOf(wanted: DeviceConfiguration): EarlierFile {
  const endpoints = [...mergedPeers(wanted.peers ?? [])].flatMap(([key, { endpoint }]) =>
    endpoint ? [[key, formatEndpoint(endpoint)] as const] : [],
  );
  return { endpoints: new Map(endpoints) };
}

/**
 * Returns the peers by key. A file may have several sections with the same key. Then the fields of
 * a later section replace those of an earlier one. The prefixes of the later section are added to
 * the earlier prefixes, unless its `replaceAllowedIps` is true.
 */
function mergedPeers(peers: readonly PeerConfiguration[]): Map<string, PeerConfiguration> {
  const merged = new Map<string, PeerConfiguration>();
  for (const peer of peers) {
    const key = formatKey(peer.publicKey);
    const before = merged.get(key);
    const prefixes = new Map<string, { address: Uint8Array; prefixLength: number }>();
    const kept = peer.replaceAllowedIps === true ? [] : (before?.allowedIps ?? []);
    for (const { remove, ...prefix } of [...kept, ...(peer.allowedIps ?? [])]) {
      if (remove === true) prefixes.delete(formatCidr(prefix));
      else prefixes.set(formatCidr(prefix), prefix);
    }
    merged.set(key, {
      ...before,
      ...peer,
      replaceAllowedIps: true,
      allowedIps: [...prefixes.values()],
    });
  }
  return merged;
}

function changedPeer(
  found: DeviceStatus['peers'][number],
  peer: PeerConfiguration,
  earlierEndpoint: string | undefined,
): PeerConfiguration {
  const changed: PeerConfiguration = { publicKey: peer.publicKey };
  const { presharedKey = null, persistentKeepalive = 0, endpoint, allowedIps = [] } = peer;
  if (!isSameKey(presharedKey, found.presharedKey)) changed.presharedKey = presharedKey;
  if (persistentKeepalive !== found.persistentKeepalive) {
    changed.persistentKeepalive = persistentKeepalive;
  }
  const now = found.endpoint && formatEndpoint(found.endpoint);
  if (endpoint && formatEndpoint(endpoint) !== (earlierEndpoint ?? now))
    changed.endpoint = endpoint;
  // The device looks the name of an endpoint up again. If the endpoint in the file is an address,
  // the peer loses its name. If the file has no endpoint, the peer keeps its name.
  const { endpointName = '' } = endpoint ? peer : found;
  if (endpointName !== (found.endpointName ?? '')) changed.endpointName = endpointName;
  if (textOf(allowedIps) === textOf(found.allowedIps)) return changed;
  return { ...changed, replaceAllowedIps: true, allowedIps };
}

function textOf(prefixes: readonly Cidr[]): string {
  return prefixes
    .map((prefix) => formatCidr(prefix))
    .toSorted()
    .join();
}

function isSameKey(
  a: Uint8Array | PublicKey | null,
  b: Uint8Array | PublicKey | undefined,
): boolean {
  if (!a || !b) return !a && !b;
  return equalBytes(a as Uint8Array, b as Uint8Array);
}
