/**
 * `proxyMetrics`: formats the counters of a proxy and its tunnel for Prometheus.
 *
 * The series of peers have the names that `litz agent` and Calico use.
 *
 * @module
 */
import { Counter, Gauge, Registry } from 'prom-client';
import type { ProxyCounts, ServiceCounts } from './proxy-counts.ts';

/** What the metrics say about a peer. */
export interface PeerFigures {
  /** In base64. */
  readonly publicKey: string;
  /** The address of its last message; empty: unknown. */
  readonly endpoint: string;
  /** Unix milliseconds; 0: never. */
  readonly lastHandshakeAt: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
}

/** Metrics as text, and its media type. */
export interface MetricsText {
  /** For the header `Content-Type`. */
  readonly type: string;
  readonly text: string;
}

/** Returns the metrics in the text format of Prometheus. */
export async function proxyMetrics(
  counts: ProxyCounts,
  peers: readonly PeerFigures[],
): Promise<MetricsText> {
  const registry = new Registry();
  const add: AddMetric = (Metric, name, help, samples) => {
    // A metric without samples would get a series without labels and with the value 0.
    if (samples.length === 0) return;
    const labelNames = [...new Set(samples.flatMap(([labels]) => Object.keys(labels)))];
    const metric = new Metric({ name, help, labelNames, registers: [registry] });
    for (const [labels, value] of samples) metric.inc(labels, value);
  };
  addServices(add, counts);
  addPeers(add, peers);
  return { type: registry.contentType, text: await registry.metrics() };
}

type Sample = readonly [labels: Record<string, string>, value: number];
type AddMetric = (
  Metric: typeof Counter<string> | typeof Gauge<string>,
  name: string,
  help: string,
  samples: readonly Sample[],
) => void;

function addServices(add: AddMetric, { services }: ProxyCounts): void {
  const each = (value: (counts: ServiceCounts) => number): Sample[] =>
    [...services].map(([service, counts]) => [{ service }, value(counts)]);
  const spread = (label: string, value: (counts: ServiceCounts) => Map<string, number>): Sample[] =>
    [...services].flatMap(([service, counts]) =>
      [...value(counts)].map(([key, count]): Sample => [{ service, [label]: key }, count]),
    );
  add(
    Gauge,
    'litz_proxy_connections',
    'Connections and UDP sessions that are open.',
    each((it) => it.open),
  );
  add(
    Counter,
    'litz_proxy_connections_total',
    'Connections and UDP sessions that were opened.',
    each((it) => it.opened),
  );
  add(Counter, 'litz_proxy_bytes_total', 'Bytes that were passed on, by direction.', [
    ...each((it) => it.bytesForth).map(toward('forth')),
    ...each((it) => it.bytesBack).map(toward('back')),
  ]);
  add(
    Counter,
    'litz_proxy_datagrams_total',
    'Datagrams that were passed on.',
    each((it) => it.datagrams),
  );
  add(
    Counter,
    'litz_proxy_datagrams_dropped_total',
    'Datagrams that could not be passed on.',
    each((it) => it.datagramsDropped),
  );
  add(
    Counter,
    'litz_proxy_refused_total',
    'Clients that were refused, by reason.',
    spread('reason', (it) => it.refused),
  );
  add(
    Counter,
    'litz_proxy_failed_total',
    'Targets that were not reached, by the code of the error.',
    spread('code', (it) => it.failed),
  );
}

function addPeers(add: AddMetric, peers: readonly PeerFigures[]): void {
  const each = (value: (peer: PeerFigures) => number): Sample[] =>
    peers.map((peer) => [{ peer_key: peer.publicKey, peer_endpoint: peer.endpoint }, value(peer)]);
  add(
    Gauge,
    'wireguard_bytes_rcvd',
    'Bytes received from a peer.',
    each((it) => it.bytesReceived),
  );
  add(
    Gauge,
    'wireguard_bytes_sent',
    'Bytes sent to a peer.',
    each((it) => it.bytesSent),
  );
  add(
    Gauge,
    'wireguard_latest_handshake_seconds',
    'Unix time of the latest handshake with a peer; 0 for none.',
    each((it) => it.lastHandshakeAt / 1000),
  );
}

function toward(direction: string): (sample: Sample) => Sample {
  return ([labels, value]) => [{ ...labels, direction }, value];
}
