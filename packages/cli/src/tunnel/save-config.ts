/**
 * `savedText`: the text of a wg-quick file with the present state of its tunnel, as `wg-quick save`
 * and `SaveConfig` write it.
 *
 * Unlike wg-quick, this function writes only what has changed: comments and order stay. An endpoint
 * that is a host name also stays, because the address of the name may change.
 *
 * @module
 */
import {
  formatCidr,
  formatConfig,
  formatEndpoint,
  parseConfig,
  wipeSecrets,
  type Cidr,
  type DevicePeerStatus,
  type DeviceStatus,
  type PeerSection,
  type WgQuickConfig,
} from '@litz/config';
import { formatKey, parseEndpoint, parsePresharedKey, parsePrivateKey } from '@litz/core';

/** The present state of a tunnel. */
export interface TunnelState {
  readonly status: DeviceStatus;
  readonly addresses: readonly Cidr[];
  readonly mtu: number | undefined;
  /** The mark that the tunnel chose for itself, which is not written; 0: it chose none. */
  readonly ownMark: number;
}

/**
 * @param text the present text of the file
 * @throws {ConfigError} the file has mistakes
 */
export function savedText(text: string, file: string, state: TunnelState): string {
  const config = parseConfig(text, { file });
  try {
    updateInterface(config, state);
    updatePeers(config, state.status.peers);
    return formatConfig(config);
  } finally {
    wipeSecrets({ ...config.interface, peers: config.peers });
  }
}

function updateInterface(config: WgQuickConfig, state: TunnelState): void {
  const section = config.interface;
  const { status, addresses, mtu, ownMark } = state;
  if (!isSameSet(section.addresses, addresses)) section.addresses = [...addresses];
  // The present MTU is written only into a file that already has an MTU, as by wg-quick.
  if (section.mtu !== undefined && mtu !== undefined) section.mtu = mtu;
  if (status.listenPort !== 0) section.listenPort = status.listenPort;
  const mark = status.fwmark === ownMark ? 0 : status.fwmark;
  if (mark !== (section.fwmark ?? 0)) section.fwmark = mark;
  if (status.privateKey) section.privateKey = parsePrivateKey(status.privateKey);
  else delete section.privateKey;
}

function updatePeers(config: WgQuickConfig, present: readonly DevicePeerStatus[]): void {
  const statuses = new Map(present.map((peer) => [formatKey(peer.publicKey), peer]));
  const seen = new Set<string>();
  config.peers = config.peers.filter(({ publicKey }) => {
    const key = formatKey(publicKey);
    const isFirst = !seen.has(key);
    seen.add(key);
    return isFirst && statuses.has(key);
  });
  for (const section of config.peers) {
    const key = formatKey(section.publicKey);
    updatePeer(section, statuses.get(key)!);
    statuses.delete(key);
  }
  for (const status of statuses.values()) {
    const section: PeerSection = { publicKey: status.publicKey, allowedIps: [] };
    updatePeer(section, status);
    config.peers.push(section);
  }
}

function updatePeer(section: PeerSection, status: DevicePeerStatus): void {
  const { presharedKey, endpointName, allowedIps, persistentKeepalive } = status;
  if (presharedKey) section.presharedKey = parsePresharedKey(presharedKey);
  else delete section.presharedKey;
  const before = section.endpoint;
  const isName = before !== undefined && 'host' in before;
  // If the daemon reports no name, the name in the file stays. Only a daemon of Litz reports names,
  // so a missing report does not show that the name was removed.
  const address = isName ? before : status.endpoint;
  const endpoint = endpointName === undefined ? address : parseEndpoint(endpointName);
  if (endpoint && (!before || formatEndpoint(before) !== formatEndpoint(endpoint))) {
    section.endpoint = endpoint;
  }
  if (section.incremental === true || !isSameSet(section.allowedIps, allowedIps)) {
    delete section.incremental;
    section.allowedIps = allowedIps.map(({ address, prefixLength }) => ({ address, prefixLength }));
  }
  if (persistentKeepalive !== (section.persistentKeepalive ?? 0)) {
    section.persistentKeepalive = persistentKeepalive;
  }
}

/** Whether both have the same prefixes, in any order. */
function isSameSet(a: readonly Cidr[], b: readonly Cidr[]): boolean {
  return sortedText(a) === sortedText(b);
}

function sortedText(prefixes: readonly Cidr[]): string {
  return prefixes.map(formatCidr).toSorted().join();
}
