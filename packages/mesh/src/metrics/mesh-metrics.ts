/**
 * `meshMetrics`: formats the status of an agent for Prometheus.
 *
 * A metric that Calico also has gets Calico's name and labels (felix/wireguard/metrics.go), so that
 * Calico's dashboards show it. Series for single peers exist only up to 200 peers. Each node has
 * three series for each peer, so a mesh of 5,000 nodes would have 75 million of them. The sums over
 * all peers always exist.
 *
 * @module
 */
import type { MeshStatus, PeerStatus } from '../status/mesh-status.ts';
import { MetricSet, type MetricsText, type Sample } from './metric-set.ts';

/** With more peers than this, there are no series for single peers. */
export const MOST_PEER_SERIES = 200;

/** Returns the metrics in the text format of Prometheus. */
export async function meshMetrics(status: MeshStatus): Promise<MetricsText> {
  const set = new MetricSet();
  addInterface(set, status);
  addPeers(set, status);
  addSums(set, status);
  addNode(set, status);
  return set.text();
}

function addInterface(set: MetricSet, { node, interface: link }: MeshStatus): void {
  const labels = {
    hostname: node.name,
    public_key: node.keys[0]?.publicKey ?? '',
    iface: link.name,
    listen_port: `${link.port}`,
  };
  set.gauge('wireguard_meta', 'The tunnel interface of this node and its public key.', [
    [labels, 1],
  ]);
}

function addPeers(set: MetricSet, { node, peers }: MeshStatus): void {
  const accepted = peers.filter(({ state }) => state !== 'refused');
  if (accepted.length > MOST_PEER_SERIES) return;
  const own = { hostname: node.name, public_key: node.keys[0]?.publicKey ?? '' };
  const samples = (value: (peer: PeerStatus) => number): Sample[] =>
    accepted.map((peer) => [
      {
        ...own,
        peer: peer.name,
        peer_key: peer.keys[0]?.publicKey ?? '',
        peer_endpoint: peer.endpoint ?? '',
      },
      value(peer),
    ]);
  set.gauge(
    'wireguard_bytes_rcvd',
    'Bytes received from a peer.',
    samples((p) => p.bytesReceived),
  );
  set.gauge(
    'wireguard_bytes_sent',
    'Bytes sent to a peer.',
    samples((p) => p.bytesSent),
  );
  set.gauge(
    'wireguard_latest_handshake_seconds',
    'Unix time of the latest handshake with a peer; 0 for none.',
    samples((p) => (p.lastHandshakeAt ?? 0) / 1000),
  );
}

function addSums(set: MetricSet, { peers }: MeshStatus): void {
  const sum = (value: (peer: PeerStatus) => number): number =>
    peers.reduce((total, peer) => total + value(peer), 0);
  set.gauge(
    'litz_mesh_peers',
    'Known peers, by state.',
    STATES.map((state) => [{ state }, peers.filter((peer) => peer.state === state).length]),
  );
  set.gauge('litz_mesh_bytes_received', 'Bytes received from all peers.', [
    [{}, sum((peer) => peer.bytesReceived)],
  ]);
  set.gauge('litz_mesh_bytes_sent', 'Bytes sent to all peers.', [
    [{}, sum((peer) => peer.bytesSent)],
  ]);
  set.gauge(
    'litz_mesh_unlisted_peers',
    'Peers that are kept although the registry no longer has their record.',
    [[{}, peers.filter(({ isListed }) => !isListed).length]],
  );
  set.gauge(
    'litz_mesh_plaintext_peers',
    'Peers that encrypt nothing that they send, because their enforcement is off.',
    [[{}, peers.filter(({ sendsPlaintext }) => sendsPlaintext).length]],
  );
}

function addNode(set: MetricSet, status: MeshStatus): void {
  const { node, interface: link, registry } = status;
  const [key] = node.keys;
  set.gauge('litz_mesh_enforcement', 'The enforcement and mode that are applied now.', [
    [{ enforcement: node.enforcement, encrypt: node.mode }, 1],
  ]);
  set.gauge('litz_mesh_daemon_up', '1: the daemon answers and its interface exists.', [
    [{}, +link.isUp],
  ]);
  set.gauge('litz_mesh_registry_up', '1: the registry answers and all records were read.', [
    [{}, +(registry.trouble === undefined && registry.syncedAt !== undefined)],
  ]);
  set.gauge('litz_mesh_key_created_seconds', 'Unix time at which the node key was made.', [
    [{}, (key?.createdAt ?? 0) / 1000],
  ]);
  set.gauge(
    'litz_mesh_key_generation',
    'Generation of the node key; it rises by one with each rotation.',
    [[{}, key?.generation ?? 0]],
  );
  set.gauge('litz_mesh_rotating', '1: a rotation of the node key is in progress.', [
    [{}, +(node.rotation !== undefined)],
  ]);
  set.gauge('litz_mesh_troubles', 'Number of present problems; `litz agent status` shows them.', [
    [{}, status.troubles.length],
  ]);
}

const STATES = ['connected', 'waiting', 'refused'] as const;
