/**
 * Counters of an engine, and what it tells of a peer.
 *
 * @module
 */
import type { AllowedIp } from './configuration.ts';
import { DropCounters, type DropReason } from './drop-reason.ts';
import type { Endpoint } from './endpoint.ts';
import type { PresharedKey, PublicKey } from './keys.ts';
import type { SessionKeys } from './peer/keypairs.ts';
import type { Peer } from './peer/peer.ts';
import type { AllowedIps } from './routing/allowed-ips.ts';

/** Counts since the engine was made; bytes are of whole WireGuard messages, as `wg show` has them. */
export class EngineStats {
  /** Transport messages sent, keepalives included. */
  sentMessages = 0;
  receivedMessages = 0;
  sentBytes = 0;
  receivedBytes = 0;
  sentInitiations = 0;
  sentResponses = 0;
  sentCookieReplies = 0;
  sentKeepalives = 0;
  receivedKeepalives = 0;
  completedHandshakes = 0;
  unreachablesMade = 0;
  readonly drops: DropCounters = new DropCounters();
}

/** A snapshot of one peer; all of it is copied but the endpoint, which is immutable. */
export interface PeerStatus {
  publicKey: PublicKey;
  /** The key that the peer goes over to, if it does. */
  nextPublicKey?: PublicKey;
  presharedKey?: PresharedKey;
  endpoint?: Endpoint;
  /** Seconds, 0 is off. */
  persistentKeepalive: number;
  allowedIps: AllowedIp[];
  /** Unix time of the last completed handshake, 0 if there was none. */
  lastHandshakeUnixMs: number;
  receivedBytes: number;
  sentBytes: number;
  /** A packet could be sent without a handshake before it. */
  sessionUp: boolean;
  /**
   * The static keys that the session was made with that is sent with; it began when the last handshake
   * was completed. Absent if there is no session.
   */
  sessionKeys?: SessionKeys;
  drops: Partial<Record<DropReason, number>>;
}

/** What `Engine.peer` tells. */
export function peerStatus(peer: Peer, allowedIps: AllowedIps<Peer>): PeerStatus {
  const statics = peer.keypairs.current?.statics;
  return {
    publicKey: peer.publicKey.slice() as PublicKey,
    ...(peer.nextKey && { nextPublicKey: peer.nextKey.slice() as PublicKey }),
    ...(peer.presharedKey && { presharedKey: peer.presharedKey.slice() as PresharedKey }),
    ...(peer.endpoint && { endpoint: peer.endpoint }),
    persistentKeepalive: peer.persistentKeepalive,
    allowedIps: allowedIps.entries(peer),
    lastHandshakeUnixMs: peer.lastHandshakeUnixMs,
    receivedBytes: peer.receivedBytes,
    sentBytes: peer.sentBytes,
    sessionUp: peer.sessionUp,
    ...(statics && {
      sessionKeys: {
        own: statics.own.slice() as PublicKey,
        peer: statics.peer.slice() as PublicKey,
      },
    }),
    drops: peer.drops(),
  };
}
