/**
 * Counters of an engine, and snapshots of its peers.
 *
 * @module
 */
import type { AllowedIp } from './configuration.ts';
import { DropCounters, type DropReason } from './drop-reason.ts';
import type { Endpoint } from './endpoint.ts';
import type { PresharedKey, PublicKey } from './keys.ts';
import type { SessionStaticKeys } from './peer/keypairs.ts';
import type { Peer } from './peer/peer.ts';
import type { PeerTable } from './peer/peer-table.ts';
import type { AllowedIps } from './routing/allowed-ips.ts';
import { runSteps, type Steps } from './steps.ts';

/**
 * Counters since the engine was created. Byte counts include the whole WireGuard message, as
 * `wg show` does.
 */
export class EngineStats {
  /** Transport messages sent, including keepalives. */
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
  /** Handshakes that were given up because the peer did not answer. */
  failedHandshakes = 0;
  /** ICMP "destination unreachable" packets that the engine created for the interface. */
  createdUnreachables = 0;
  /** Dropped packets and datagrams, by reason. */
  readonly drops: DropCounters = new DropCounters();
}

/** A snapshot of one peer. All values are copies except the endpoint, which is immutable. */
export interface PeerStatus {
  publicKey: PublicKey;
  /** The key that will replace `publicKey`; absent if there is none. */
  nextPublicKey?: PublicKey;
  presharedKey?: PresharedKey;
  endpoint?: Endpoint;
  /** The name behind the endpoint, `HOST:PORT`; absent if there is none. */
  endpointName?: string;
  /** In seconds; 0 means off. */
  persistentKeepalive: number;
  allowedIps: AllowedIp[];
  /** Unix time in milliseconds of the last completed handshake; 0 if there was none. */
  lastHandshakeUnixMs: number;
  /** Bytes of received messages, as in `wg show`. */
  receivedBytes: number;
  /** Bytes of sent messages, as in `wg show`. */
  sentBytes: number;
  /**
   * Transport messages, including keepalives. Each of them carries one packet or none. Absent if
   * there were no messages.
   */
  receivedMessages?: number;
  sentMessages?: number;
  /**
   * The round trip of the last handshake in milliseconds. For the initiator: from its initiation to
   * the response. For the responder: from its response to the first message of the session, which
   * the initiator sends at once. Includes the time that both sides need for the cryptography.
   * Absent if it is not known: there was no handshake, or the first message of the session was
   * lost.
   */
  roundTripMs?: number;
  /** Whether a packet could be sent now without a new handshake. */
  sessionUp: boolean;
  /**
   * The static keys with which the current session was made. That session began with the last
   * completed handshake. Absent if there is no session.
   */
  sessionStaticKeys?: SessionStaticKeys;
  /** How many packets were dropped, by reason; only the reasons that occurred. */
  drops: Partial<Record<DropReason, number>>;
  /**
   * How many initiations were sent since the last completed handshake, and were not answered.
   * Absent if the number is 0.
   */
  unansweredInitiations?: number;
}

/** Returns the snapshot for `Engine.peer`. */
export function createPeerStatus(peer: Peer, allowedIps: AllowedIps<Peer>): PeerStatus {
  return runSteps(createStatusInSteps(peer, allowedIps));
}

/** The part of an `EngineState` that `statusesInSteps` reads. */
export interface PeersAndPrefixes {
  readonly peers: PeerTable;
  readonly allowedIps: AllowedIps<Peer>;
  readonly lastPeerNumber: number;
}

/**
 * Iterates over the peers that exist at the beginning, as `Engine.peerStatuses` describes. Yields,
 * for each peer, the steps that make its snapshot. Between two of these steps, the prefixes of this
 * peer must not change.
 */
export function* statusesInSteps({
  peers,
  allowedIps,
  lastPeerNumber,
}: PeersAndPrefixes): Generator<Steps<PeerStatus>, void, undefined> {
  for (const peer of peers.values()) {
    // Peers that were added after the beginning come last. So does a peer that was removed and
    // added again.
    if (peer.number > lastPeerNumber) return;
    yield createStatusInSteps(peer, allowedIps);
  }
}

function* createStatusInSteps(peer: Peer, allowedIps: AllowedIps<Peer>): Steps<PeerStatus> {
  const prefixes: AllowedIp[] = [];
  for (const prefix of allowedIps.prefixesOf(peer)) {
    prefixes.push(prefix);
    if (prefixes.length % PREFIXES_IN_STEP === 0) yield;
  }
  const staticKeys = peer.keypairs.current?.staticKeys;
  return {
    publicKey: peer.publicKey.slice() as PublicKey,
    ...(peer.nextKey && { nextPublicKey: peer.nextKey.slice() as PublicKey }),
    ...(peer.presharedKey && { presharedKey: peer.presharedKey.slice() as PresharedKey }),
    ...(peer.endpoint && { endpoint: peer.endpoint }),
    ...(peer.endpointName !== '' && { endpointName: peer.endpointName }),
    persistentKeepalive: peer.persistentKeepalive,
    allowedIps: prefixes,
    lastHandshakeUnixMs: peer.lastHandshakeUnixMs,
    receivedBytes: peer.receivedBytes,
    sentBytes: peer.sentBytes,
    ...(peer.receivedMessages > 0 && { receivedMessages: peer.receivedMessages }),
    ...(peer.sentMessages > 0 && { sentMessages: peer.sentMessages }),
    ...(peer.roundTripUs >= 0 && { roundTripMs: peer.roundTripUs / 1000 }),
    sessionUp: peer.sessionUp,
    ...(staticKeys && {
      sessionStaticKeys: {
        own: staticKeys.own.slice() as PublicKey,
        peer: staticKeys.peer.slice() as PublicKey,
      },
    }),
    drops: peer.drops(),
    ...(peer.unansweredSends > 0 && { unansweredInitiations: peer.unansweredSends }),
  };
}

const PREFIXES_IN_STEP = 256;
