/**
 * `planProbes`: which packets tell whether the traffic with each peer is encrypted. Pure.
 *
 * Pods are stood for by the addresses of the tunnels' interfaces, which lie in the pods' prefixes: rules
 * and routes treat them as they treat a pod. Where traffic of the nodes is to be encrypted as well, it
 * goes between the nodes' own addresses. Each pair of addresses gets an ICMP echo, a UDP datagram and a
 * TCP connection, because rules can tell these apart.
 *
 * @module
 */
import { formatAddress, parseAddress, parseCidr } from '@litz/core';
import { tunnelAddresses } from '../plan/peer-part.ts';
import type { MeshStatus, PeerStatus } from '../status/mesh-status.ts';

export type ProbeProtocol = 'icmp' | 'udp' | 'tcp';

/** Two addresses between which everything has to be encrypted. */
export interface ProbeTarget {
  readonly kind: 'pods' | 'node';
  readonly family: 4 | 6;
  /** Of this node, as text. */
  readonly source: string;
  /** Of the peer. */
  readonly destination: string;
}

export interface PeerPlan {
  readonly peer: string;
  /** Where its encrypted datagrams go. */
  readonly endpoint: string | undefined;
  readonly targets: readonly ProbeTarget[];
  /** Why nothing can be said of it; then there are no targets. */
  readonly obstacle: string | undefined;
}

export const PROBE_PROTOCOLS: readonly ProbeProtocol[] = ['icmp', 'udp', 'tcp'];

export function planProbes(status: MeshStatus): PeerPlan[] {
  const node = status.node.addresses;
  const tunnel = status.interface.addresses.map((text) => text.split('/', 1)[0] ?? text);
  return status.peers.map((peer) => {
    const { name, endpoint } = peer;
    const obstacle = obstacleOf(peer, status);
    const targets =
      obstacle === undefined
        ? [
            ...pairs('pods', tunnel, podAddresses(peer)),
            ...(encryptsNodes(peer, status) ? pairs('node', node, peer.addresses) : []),
          ]
        : [];
    return {
      peer: name,
      endpoint,
      targets,
      obstacle: obstacle ?? (targets.length === 0 ? NO_PAIR : undefined),
    };
  });
}

function obstacleOf({ state, reason }: PeerStatus, status: MeshStatus): string | undefined {
  if (status.node.enforcement === 'off') return 'encryption is off';
  if (!status.interface.isUp) {
    const what = `no daemon answers for ${status.interface.name}`;
    return `${what}: until it does, ${WITHOUT_DAEMON[status.node.enforcement]}`;
  }
  if (state === 'refused') return `it is refused${reason === undefined ? '' : `: ${reason}`}`;
  return undefined;
}

/** Addresses of the peer's interface, one of each family at most. */
function podAddresses({ prefixes }: PeerStatus): string[] {
  return tunnelAddresses(prefixes.map(parseCidr)).map(({ address }) => formatAddress(address));
}

function encryptsNodes({ encryptsNode }: PeerStatus, { node }: MeshStatus): boolean {
  return node.nodeEncryption === 'enabled' && (node.mode === 'all' || encryptsNode);
}

function pairs(
  kind: ProbeTarget['kind'],
  sources: readonly string[],
  destinations: readonly string[],
): ProbeTarget[] {
  return ([4, 6] as const).flatMap((family) => {
    const isOf = (text: string): boolean => parseAddress(text).length === (family === 4 ? 4 : 16);
    const source = sources.find(isOf);
    const destination = destinations.find(isOf);
    if (source === undefined || destination === undefined) return [];
    return [{ kind, family, source, destination }];
  });
}

/** What becomes of traffic with a peer; nothing has to be probed for that. */
const WITHOUT_DAEMON = {
  permissive: 'traffic with it leaves as it is, not encrypted',
  enforce: 'traffic with it is refused',
} as const;
const NO_PAIR = 'this node and it have no covered addresses of one family';
