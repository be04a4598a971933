/**
 * `proxyMetrics`: formats the counters of a proxy and its tunnel for Prometheus.
 *
 * The series of peers have the names that `litz agent` and Calico use.
 *
 * @module
 */
import { MetricSet, MOST_PEER_SERIES, type MetricsText, type Sample } from '@litz/mesh';
import type { ProxyCounts, ServiceCounts } from './proxy-counts.ts';

/** What the metrics say about a peer. */
export interface PeerFigures {
  /** In base64. */
  readonly publicKey: string;
  /** The present endpoint; empty: there is none. */
  readonly endpoint: string;
  /** Unix milliseconds; 0: never. */
  readonly lastHandshakeAt: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
}

/** Returns the metrics in the text format of Prometheus. */
export async function proxyMetrics(
  counts: ProxyCounts,
  peers: readonly PeerFigures[],
): Promise<MetricsText> {
  const set = new MetricSet();
  addServices(set, counts);
  addPeers(set, peers);
  return set.text();
}

function addServices(set: MetricSet, { services }: ProxyCounts): void {
  const each = (value: (counts: ServiceCounts) => number): Sample[] =>
    [...services].map(([service, counts]) => [{ service }, value(counts)]);
  const spread = (label: string, value: (counts: ServiceCounts) => Map<string, number>): Sample[] =>
    [...services].flatMap(([service, counts]) =>
      [...value(counts)].map(([key, count]): Sample => [{ service, [label]: key }, count]),
    );
  set.gauge(
    'litz_proxy_connections',
    'Connections and UDP sessions that are open.',
    each((it) => it.open),
  );
  set.counter(
    'litz_proxy_connections_total',
    'Connections and UDP sessions that were opened.',
    each((it) => it.opened),
  );
  set.counter('litz_proxy_bytes_total', 'Bytes that were passed on, by direction.', [
    ...each((it) => it.bytesForth).map(toward('forth')),
    ...each((it) => it.bytesBack).map(toward('back')),
  ]);
  set.counter(
    'litz_proxy_datagrams_total',
    'Datagrams that were passed on.',
    each((it) => it.datagrams),
  );
  set.counter(
    'litz_proxy_datagrams_dropped_total',
    'Datagrams that could not be passed on.',
    each((it) => it.datagramsDropped),
  );
  set.counter(
    'litz_proxy_refused_total',
    'Clients that were refused, by reason.',
    spread('reason', (it) => it.refused),
  );
  set.counter(
    'litz_proxy_failed_total',
    'Targets that were not reached, by the code of the error.',
    spread('code', (it) => it.failed),
  );
}

function addPeers(set: MetricSet, peers: readonly PeerFigures[]): void {
  set.gauge('litz_proxy_peers', 'Peers of the tunnel.', [[{}, peers.length]]);
  if (peers.length > MOST_PEER_SERIES) return;
  const each = (value: (peer: PeerFigures) => number): Sample[] =>
    peers.map((peer) => [{ peer_key: peer.publicKey, peer_endpoint: peer.endpoint }, value(peer)]);
  set.gauge(
    'wireguard_bytes_rcvd',
    'Bytes received from a peer.',
    each((it) => it.bytesReceived),
  );
  set.gauge(
    'wireguard_bytes_sent',
    'Bytes sent to a peer.',
    each((it) => it.bytesSent),
  );
  set.gauge(
    'wireguard_latest_handshake_seconds',
    'Unix time of the latest handshake with a peer; 0 for none.',
    each((it) => it.lastHandshakeAt / 1000),
  );
}

function toward(direction: string): (sample: Sample) => Sample {
  return ([labels, value]) => [{ ...labels, direction }, value];
}
