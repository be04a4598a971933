/**
 * `planProbes`: selects the addresses for probes. A probe is a test packet that shows whether the
 * traffic with a peer is encrypted. Pure.
 *
 * For traffic of pods, the probes use the addresses of the tunnels' interfaces. These are in the
 * pods' prefixes, so routes and rules treat them as addresses of pods. If the mesh also encrypts
 * traffic of the nodes, more probes use the nodes' own addresses. Each pair of addresses gets an
 * ICMP echo, a UDP datagram and a TCP connection, because rules may treat these protocols
 * differently.
 *
 * @module
 */
import { formatAddress, parseAddress, parseCidr } from '@litz/core';
import { tunnelAddresses } from '../plan/peer-part.ts';
import type { MeshStatus, PeerStatus } from '../status/mesh-status.ts';

/** The kinds of probes: an echo, a datagram and a connection. */
export type ProbeProtocol = 'icmp' | 'udp' | 'tcp';

/** Two addresses; all traffic between them must be encrypted. */
export interface ProbeTarget {
  readonly kind: 'pods' | 'node';
  readonly family: 4 | 6;
  /** Address of this node, as text. */
  readonly source: string;
  /** Address of the peer, as text. */
  readonly destination: string;
}

export interface PeerPlan {
  /** Name of the peer. */
  readonly peer: string;
  /** The endpoint that encrypted datagrams to the peer go to: `192.0.2.2:51871`. */
  readonly endpoint: string | undefined;
  readonly targets: readonly ProbeTarget[];
  /** Why the peer can't be probed; then there are no targets. */
  readonly obstacle: string | undefined;
}

/** The protocols of the probes that each pair of addresses gets. */
export const PROBE_PROTOCOLS: readonly ProbeProtocol[] = ['icmp', 'udp', 'tcp'];

/** Returns a plan for each peer of the status. */
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
  if (status.node.enforcement === 'off') return 'encryption is switched off on this node';
  if (!status.interface.isUp) {
    const what = `the daemon of ${status.interface.name} does not answer`;
    return `${what}; until it does, ${WITHOUT_DAEMON[status.node.enforcement]}`;
  }
  if (state === 'refused') {
    return `the record of the peer is refused${reason === undefined ? '' : `: ${reason}`}`;
  }
  return undefined;
}

/** Returns the addresses of the peer's tunnel interface, at most one of each family. */
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

/** What happens to traffic with a peer while there is no daemon. */
const WITHOUT_DAEMON = {
  permissive: 'traffic with the peer leaves in plaintext',
  enforce: 'traffic with the peer is stopped',
} as const;
const NO_PAIR =
  'there is no family, IPv4 or IPv6, in which both this node and the peer have an address that the mode covers';
