/**
 * The state that the parts of the engine share: options, tables and queues. `Engine` creates it and
 * passes it to the functions in `flow/`. The state cannot be reached from outside the package.
 *
 * @module
 */
import type { AllowedIps } from './routing/allowed-ips.ts';
import type { MacChecker } from './cookie/macs.ts';
import type { EngineObserver } from './engine-observer.ts';
import type { RateLimiter } from './rate/rate-limiter.ts';
import type { CryptoProvider } from './crypto/provider.ts';
import type { DropReason } from './drop-reason.ts';
import type { StaticIdentity } from './handshake/static-identity.ts';
import type { TimestampSource } from './handshake/tai64n.ts';
import type { Jitter } from './rate/jitter.ts';
import type { Endpoint } from './endpoint.ts';
import type { Keypair, MessageLimits } from './peer/keypairs.ts';
import type { LoadMonitor } from './rate/load-monitor.ts';
import type { PendingHandshakes } from './rate/pending-handshakes.ts';
import type { HandshakeMessageBuffer } from './flow/handshake-message-buffer.ts';
import type { RoutingLoops } from './flow/routing-loops.ts';
import type { Outputs } from './outputs.ts';
import type { Peer } from './peer/peer.ts';
import type { PeerTable } from './peer/peer-table.ts';
import type { RoamLimiter } from './peer/roam-limiter.ts';
import type { SenderIndexTable } from './peer/sender-index.ts';
import type { StaticPair } from './peer/static-pair.ts';
import type { TurnBudget } from './rate/turn-budget.ts';
import type { EngineStats } from './stats.ts';
import type { TimerTable } from './peer/timer-table.ts';
import type { TokenBucket } from './rate/token-bucket.ts';

/** The state of an engine. The functions of `flow` and `peer` change it. */
export interface EngineState {
  readonly crypto: CryptoProvider;
  readonly randomBytes: (out: Uint8Array) => void;
  readonly unixTime: () => number;
  readonly limits: MessageLimits;
  /** If undefined, a handshake is given up after 20 initiations (Rekey-Attempt-Time). */
  readonly giveUpMs: number | undefined;

  mtu: number;
  /** Whether the interface is up. While it is down, nothing is sent or received. */
  up: boolean;
  identity: StaticIdentity | undefined;
  macChecker: MacChecker | undefined;
  /**
   * The identity that will replace `identity`. While it is set, both are valid. Usually undefined.
   */
  nextIdentity: StaticIdentity | undefined;
  nextMacChecker: MacChecker | undefined;

  readonly peers: PeerTable;
  /** `Peer.number` of the peer that was added last. */
  lastPeerNumber: number;
  /** Indexed by `Peer.slot`. */
  readonly peersBySlot: (Peer | undefined)[];
  readonly allowedIps: AllowedIps<Peer>;
  readonly indices: SenderIndexTable<StaticPair<Peer>, Keypair<Peer>>;
  readonly routingLoops: RoutingLoops;
  readonly timers: TimerTable;
  readonly jitter: Jitter;
  readonly timestamps: TimestampSource;
  readonly handshakes: PendingHandshakes;
  /** The budget for our own initiations that timers start. */
  readonly initiations: TurnBudget;
  /** The budget for probes of the next identity. */
  readonly probes: TurnBudget;
  readonly load: LoadMonitor;
  readonly rateLimiter: RateLimiter;
  /** The rate limit for our own ICMP messages. */
  readonly unreachableLimit: TokenBucket;
  readonly outputs: Outputs;
  readonly roams: RoamLimiter;
  readonly handshakeMessages: HandshakeMessageBuffer;
  readonly stats: EngineStats;

  /** Sees handshake messages, and secrets if it wants them. Set only during a capture. */
  observer: EngineObserver | undefined;

  /** Messages of the current batch whose bookkeeping is still to be done. */
  readonly sent: SentMessages;
  readonly received: ReceivedMessages;
}

/** What was sent with one keypair in this batch. */
export interface SentMessages {
  /** If undefined, no message is recorded. */
  keypair: Keypair<Peer> | undefined;
  messages: number;
  /** The sum of the lengths of all messages. */
  bytes: number;
}

/** What was received with one keypair from one source in this batch. */
export interface ReceivedMessages extends SentMessages {
  source: Endpoint | undefined;
  /** Whether at least one message was not a keepalive. */
  hasData: boolean;
}

/** Counts drops for the engine and, if `peer` is given, for that peer. Returns the reason. */
export function drop(state: EngineState, reason: DropReason, peer?: Peer, count = 1): DropReason {
  state.stats.drops.add(reason, count);
  if (!peer) return reason;
  peer.countDrop(reason, count);
  state.stats.drops.noteDetails(reason, peer.publicKey);
  return reason;
}
