/**
 * `meshMetrics`: formats the status of an agent for Prometheus.
 *
 * A metric that Calico has too gets the name and labels of Calico's metric
 * (felix/wireguard/metrics.go), so that Calico's dashboards show it. Series for single peers exist
 * only up to 200 peers: a mesh of 5,000 nodes would have 75 million of them. The sums over all
 * peers always exist.
 *
 * @module
 */
import { Gauge, Registry } from 'prom-client';
import type { MeshStatus, PeerStatus } from '../status/mesh-status.ts';

/** With more peers than this, there are no series for single peers. */
export const MOST_PEER_SERIES = 200;

/** Metrics as text, and its media type for `Content-Type`. */
export interface MetricsText {
  /** For the header `Content-Type`. */
  readonly type: string;
  readonly text: string;
}

/** Returns the metrics in the text format of Prometheus. */
export async function meshMetrics(status: MeshStatus): Promise<MetricsText> {
  const registry = new Registry();
  const gauge: AddGauge = (name, help, samples) => {
    // A gauge without samples would get a series without labels and with the value 0.
    if (samples.length === 0) return;
    const labelNames = [...new Set(samples.flatMap(([labels]) => Object.keys(labels)))];
    const made = new Gauge({ name, help, labelNames, registers: [registry] });
    for (const [labels, value] of samples) made.set(labels, value);
  };
  addInterface(gauge, status);
  addPeers(gauge, status);
  addSums(gauge, status);
  addNode(gauge, status);
  return { type: registry.contentType, text: await registry.metrics() };
}

type Sample = readonly [labels: Record<string, string>, value: number];
type AddGauge = (name: string, help: string, samples: readonly Sample[]) => void;

function addInterface(gauge: AddGauge, { node, interface: link }: MeshStatus): void {
  const labels = {
    hostname: node.name,
    public_key: node.keys[0]?.publicKey ?? '',
    iface: link.name,
    listen_port: `${link.port}`,
  };
  gauge('wireguard_meta', 'The tunnel interface of this node and its public key.', [[labels, 1]]);
}

function addPeers(gauge: AddGauge, { node, peers }: MeshStatus): void {
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
  gauge(
    'wireguard_bytes_rcvd',
    'Bytes received from a peer.',
    samples((p) => p.bytesReceived),
  );
  gauge(
    'wireguard_bytes_sent',
    'Bytes sent to a peer.',
    samples((p) => p.bytesSent),
  );
  gauge(
    'wireguard_latest_handshake_seconds',
    'Unix time of the latest handshake with a peer; 0 for none.',
    samples((p) => (p.lastHandshakeAt ?? 0) / 1000),
  );
}

function addSums(gauge: AddGauge, { peers }: MeshStatus): void {
  const sum = (value: (peer: PeerStatus) => number): number =>
    peers.reduce((total, peer) => total + value(peer), 0);
  gauge(
    'litz_mesh_peers',
    'Known peers, by state.',
    STATES.map((state) => [{ state }, peers.filter((peer) => peer.state === state).length]),
  );
  gauge('litz_mesh_bytes_received', 'Bytes received from all peers.', [
    [{}, sum((peer) => peer.bytesReceived)],
  ]);
  gauge('litz_mesh_bytes_sent', 'Bytes sent to all peers.', [[{}, sum((peer) => peer.bytesSent)]]);
  gauge(
    'litz_mesh_unlisted_peers',
    'Peers that are kept although the registry no longer has their record.',
    [[{}, peers.filter(({ isListed }) => !isListed).length]],
  );
}

function addNode(gauge: AddGauge, status: MeshStatus): void {
  const { node, interface: link, registry } = status;
  const [key] = node.keys;
  gauge('litz_mesh_enforcement', 'The enforcement and mode that are applied now.', [
    [{ enforcement: node.enforcement, encrypt: node.mode }, 1],
  ]);
  gauge('litz_mesh_daemon_up', '1: the daemon answers and its interface exists.', [
    [{}, +link.isUp],
  ]);
  gauge('litz_mesh_registry_up', '1: the registry answers and all records were read.', [
    [{}, +(registry.trouble === undefined && registry.syncedAt !== undefined)],
  ]);
  gauge('litz_mesh_key_created_seconds', 'Unix time at which the node key was made.', [
    [{}, (key?.createdAt ?? 0) / 1000],
  ]);
  gauge(
    'litz_mesh_key_generation',
    'Generation of the node key; it rises by one with each rotation.',
    [[{}, key?.generation ?? 0]],
  );
  gauge('litz_mesh_rotating', '1: a rotation of the node key is in progress.', [
    [{}, +(node.rotation !== undefined)],
  ]);
  gauge('litz_mesh_troubles', 'Number of present problems; `litz agent status` shows them.', [
    [{}, status.troubles.length],
  ]);
}

const STATES = ['connected', 'waiting', 'refused'] as const;
