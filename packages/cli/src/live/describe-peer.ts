/**
 * `describePeer` and `countersOfPeer`: a peer in the form of `LiveStatus`.
 *
 * @module
 */
import { formatCidr, formatEndpoint, type DevicePeerStatus, type DeviceStatus } from '@litz/config';
import { formatKey } from '@litz/core';
import { handshakeProblem } from '../show/handshake-problem.ts';
import type { LiveCounters } from './live-rates.ts';
import { sumOfDrops, type LivePeer, type LivePeerState, type LiveRates } from './live-status.ts';

/**
 * Returns the peer as plain data.
 *
 * @param time Unix time in milliseconds
 */
export function describePeer(
  peer: DevicePeerStatus,
  owner: { readonly name: string; readonly status: DeviceStatus },
  rates: LiveRates,
  time: number,
): LivePeer {
  const { name, status } = owner;
  const publicKey = formatKey(peer.publicKey);
  const hasDetails = status.details !== undefined;
  const state = stateOf(peer, time);
  const problem = state === 'connected' ? undefined : handshakeProblem(peer, status);
  return {
    id: peerId(name, publicKey),
    interface: name,
    publicKey,
    state: problem === undefined ? state : 'failing',
    problem,
    endpoint: peer.endpoint && formatEndpoint(peer.endpoint),
    endpointName: peer.endpointName,
    allowedIps: peer.allowedIps.map((prefix) => formatCidr(prefix)),
    lastHandshakeAt: peer.lastHandshakeUnixMs > 0 ? peer.lastHandshakeUnixMs : undefined,
    roundTripMs: peer.roundTripMs,
    receivedBytes: peer.receivedBytes,
    sentBytes: peer.sentBytes,
    receivedMessages: hasDetails ? (peer.receivedMessages ?? 0) : undefined,
    sentMessages: hasDetails ? (peer.sentMessages ?? 0) : undefined,
    drops: hasDetails ? (peer.drops ?? {}) : undefined,
    rates,
  };
}

/** Returns a text that identifies a peer among the peers of all interfaces. */
export function peerId(interfaceName: string, publicKey: string): string {
  return `${interfaceName}/${publicKey}`;
}

/** Returns the counters of a peer. A counter that the daemon does not report is 0. */
export function countersOfPeer(peer: DevicePeerStatus): LiveCounters {
  return {
    receivedBytes: peer.receivedBytes,
    sentBytes: peer.sentBytes,
    receivedMessages: peer.receivedMessages ?? 0,
    sentMessages: peer.sentMessages ?? 0,
    drops: sumOfDrops(peer.drops),
    handshakeAt: peer.lastHandshakeUnixMs,
  };
}

function stateOf({ lastHandshakeUnixMs }: DevicePeerStatus, time: number): LivePeerState {
  if (lastHandshakeUnixMs === 0) return 'waiting';
  return time - lastHandshakeUnixMs <= SESSION_MS ? 'connected' : 'idle';
}

/**
 * Reject-After-Time (WireGuard paper, section 6.1): a session ends this long after its handshake.
 */
const SESSION_MS = 180_000;
