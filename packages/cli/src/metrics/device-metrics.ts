/**
 * `deviceMetrics`: formats the figures of a device for Prometheus.
 *
 * The series of peers have the names and labels of two other programs, so that the dashboards of
 * both show them:
 *
 * - prometheus_wireguard_exporter: `wireguard_sent_bytes_total`. Label `public_key`: the key of the
 *   peer.
 * - Calico: `wireguard_bytes_sent`. Label `public_key`: the key of the interface; `peer_key`: the
 *   key of the peer.
 *
 * If there are more than `MOST_PEER_SERIES` peers, the series of peers are left out.
 *
 * @module
 */
import { hostname } from 'node:os';
import { DROP_REASONS, formatCidr, formatKey, type DropReason, type PeerStatus } from '@litz/core';
import { formatEndpoint } from '@litz/config';
import { BATCH_LIMITS, type BatchStats } from '@litz/device';
import { MetricSet, type Distribution, type Sample } from '@litz/mesh';
import type { DeviceFigures } from './device-figures.ts';

/** Returns the metrics. */
export function deviceMetrics(figures: DeviceFigures): MetricSet {
  const set = new MetricSet();
  addDevice(set, figures);
  addHandshakes(set, figures);
  addDrops(set, figures);
  addTraffic(set, figures);
  addLoop(set, figures);
  addPeerSums(set, figures);
  addPeers(set, figures);
  return set;
}

function addDevice(set: MetricSet, figures: DeviceFigures): void {
  const { name, publicKey, listenPort, mtu, up, provider, offloads } = figures;
  const labels = { iface: name, public_key: publicKey, listen_port: String(listenPort) };
  const meta: Sample = [{ hostname: hostname(), ...labels }, 1];
  set.gauge('wireguard_meta', 'The interface and its public key.', [meta]);
  const own = { interface: name };
  set.gauge('litz_up', '1: the link is up.', [[own, Number(up)]]);
  set.gauge('litz_mtu_bytes', 'The longest packet inside the tunnel.', [[own, mtu]]);
  set.gauge('litz_crypto_info', 'The provider of cryptography.', [[{ ...own, provider }, 1]]);
  set.gauge(
    'litz_offload_active',
    '1: the offload is in use. 0: the kernel does not have it, or does it wrong.',
    [...offloads].map(([offload, isActive]) => [{ ...own, offload }, Number(isActive)]),
  );
}

function addHandshakes(set: MetricSet, { name, stats }: DeviceFigures): void {
  const own = { interface: name };
  const { completedHandshakes, failedHandshakes, drops } = stats;
  set.counter('litz_handshakes_total', 'Completed handshakes.', [[own, completedHandshakes]]);
  set.counter(
    'litz_handshake_failures_total',
    'Handshakes that failed, by reason. no-answer: the peer did not answer. Others: a message was refused.',
    [
      [{ ...own, reason: 'no-answer' }, failedHandshakes],
      ...HANDSHAKE_REASONS.map((reason): Sample => [{ ...own, reason }, drops[reason] ?? 0]),
    ],
  );
  const { sentInitiations, sentResponses, sentCookieReplies } = stats;
  set.counter('litz_handshake_messages_sent_total', 'Handshake messages that were sent.', [
    [{ ...own, type: 'initiation' }, sentInitiations],
    [{ ...own, type: 'response' }, sentResponses],
    [{ ...own, type: 'cookie-reply' }, sentCookieReplies],
  ]);
}

function addDrops(set: MetricSet, { name, stats: { drops, udp } }: DeviceFigures): void {
  const own = { interface: name };
  set.counter(
    'litz_drops_total',
    'Packets and messages that were dropped, by reason. litz show says what a reason means.',
    DROP_REASONS.map((reason) => [{ ...own, reason }, drops[reason] ?? 0]),
  );
  set.counter(
    'litz_udp_lost_total',
    'Datagrams that the sockets lost since they were opened, by the name of the counter.',
    Object.entries(udp)
      .filter(([counter]) => /Dropped|Errors/.test(counter))
      .map(([counter, count]) => [{ ...own, counter }, count]),
  );
}

function addTraffic(set: MetricSet, { name, stats }: DeviceFigures): void {
  const { tun, udp } = stats;
  const ways = (sent: number, received: number): Sample[] => [
    [{ interface: name, direction: 'sent' }, sent],
    [{ interface: name, direction: 'received' }, received],
  ];
  set.counter(
    'litz_messages_total',
    'Transport messages, keepalives included.',
    ways(stats.sentMessages, stats.receivedMessages),
  );
  set.counter(
    'litz_bytes_total',
    'Bytes of messages, as in wg show.',
    ways(stats.sentBytes, stats.receivedBytes),
  );
  set.counter(
    'litz_keepalives_total',
    'Keepalives.',
    ways(stats.sentKeepalives, stats.receivedKeepalives),
  );
  set.counter(
    'litz_tun_packets_total',
    'Packets of the interface. sent: into the tunnel.',
    ways(tun.readPackets, tun.writtenPackets),
  );
  if (Object.keys(udp).length === 0) return;
  set.counter(
    'litz_udp_datagrams_total',
    'Datagrams since the sockets were opened.',
    ways(udp['sentDatagrams'] ?? 0, udp['receivedDatagrams'] ?? 0),
  );
  set.counter(
    'litz_udp_messages_total',
    'System calls for datagrams. One call may move many datagrams, which the kernel splits and joins (GSO, GRO).',
    ways(udp['sentMessages'] ?? 0, udp['receivedMessages'] ?? 0),
  );
}

function addLoop(set: MetricSet, { name, stats: { loop, batches } }: DeviceFigures): void {
  const own = { interface: name };
  set.counter('litz_loop_turns_total', 'How often the packet loop woke up.', [[own, loop.turns]]);
  set.counter('litz_loop_busy_seconds_total', 'Time for which the packet loop did not sleep.', [
    [own, loop.busyMs / 1000],
  ]);
  set.gauge('litz_loop_longest_turn_seconds', 'The longest turn since the start.', [
    [own, loop.longestMs / 1000],
  ]);
  set.gauge('litz_loop_realtime', '1: the packet loop has a real-time priority. 0: normal.', [
    [own, Number(loop.isRealtime)],
  ]);
  set.histogram('litz_batch_packets', 'Packets that one turn of the packet loop processed.', [
    distribution({ ...own, direction: 'sent' }, batches.sent),
    distribution({ ...own, direction: 'received' }, batches.received),
  ]);
}

function addPeerSums(set: MetricSet, { name, sums }: DeviceFigures): void {
  const own = { interface: name };
  set.gauge('litz_peers', 'Peers.', [[own, sums.count]]);
  set.gauge('litz_peers_with_session', 'Peers that can be sent to without a new handshake.', [
    [own, sums.withSession],
  ]);
  set.gauge('litz_peers_silent', 'Peers that have left two or more initiations unanswered.', [
    [own, sums.silent],
  ]);
  set.gauge('litz_peers_without_endpoint', 'Peers that must send the first message.', [
    [own, sums.withoutEndpoint],
  ]);
}

function addPeers(set: MetricSet, { name, publicKey: own, peers = [] }: DeviceFigures): void {
  const keys = peers.map((peer) => {
    const public_key = formatKey(peer.publicKey);
    const peer_endpoint = peer.endpoint ? formatEndpoint(peer.endpoint) : '';
    return { peer, public_key, peer_endpoint, allowed_ips: prefixesOf(peer) };
  });
  const exporter = (value: (peer: PeerStatus) => number): Sample[] =>
    keys.map(({ peer, public_key, allowed_ips }) => [
      { interface: name, public_key, allowed_ips },
      value(peer),
    ]);
  const calico = (value: (peer: PeerStatus) => number): Sample[] =>
    keys.map(({ peer, public_key: peer_key, peer_endpoint }) => [
      { hostname: hostname(), public_key: own, iface: name, peer_key, peer_endpoint },
      value(peer),
    ]);
  set.counter('wireguard_sent_bytes_total', 'Bytes sent to the peer.', exporter(sent));
  set.counter(
    'wireguard_received_bytes_total',
    'Bytes received from the peer.',
    exporter(received),
  );
  set.counter('wireguard_bytes_sent', 'Bytes sent to the peer.', calico(sent));
  set.counter('wireguard_bytes_rcvd', 'Bytes received from the peer.', calico(received));
  set.gauge(
    'wireguard_latest_handshake_seconds',
    'Unix time of the latest handshake with the peer; 0: none.',
    keys.map(({ peer, public_key, allowed_ips, peer_endpoint }) => [
      { interface: name, public_key, allowed_ips, peer_key: public_key, peer_endpoint },
      peer.lastHandshakeUnixMs / 1000,
    ]),
  );
  set.gauge(
    'litz_peer_unanswered_initiations',
    'Initiations since the latest handshake that the peer did not answer.',
    exporter((peer) => peer.unansweredInitiations ?? 0),
  );
  set.counter(
    'litz_peer_drops_total',
    'Packets and messages of the peer that were dropped.',
    exporter(({ drops }) => Object.values(drops).reduce((sum, count) => sum + count, 0)),
  );
}

function sent(peer: PeerStatus): number {
  return peer.sentBytes;
}

function received(peer: PeerStatus): number {
  return peer.receivedBytes;
}

/**
 * Returns the first prefixes of a peer for a label, and how many more there are. A label must stay
 * short, even if a peer has ten thousand prefixes.
 */
function prefixesOf({ allowedIps }: PeerStatus): string {
  const shown = allowedIps.slice(0, MOST_PREFIXES).map((prefix) => formatCidr(prefix));
  const more = allowedIps.length - shown.length;
  return more === 0 ? shown.join(',') : `${shown.join(',')},+${more}`;
}

function distribution(labels: Record<string, string>, batches: BatchStats): Distribution {
  return { labels, limits: BATCH_LIMITS, counts: batches.counts, sum: batches.packets };
}

const MOST_PREFIXES = 16;
/** The reasons to refuse a handshake message. */
const HANDSHAKE_REASONS: readonly DropReason[] = [
  'bad-mac1',
  'under-load',
  'rate-limited',
  'handshake-overflow',
  'no-private-key',
  'invalid-handshake',
  'unknown-peer',
  'replayed-initiation',
  'initiation-flood',
  'unexpected-response',
  'unexpected-cookie',
  'invalid-cookie',
];
