/**
 * What the parts of the engine share: its options, tables and queues. Made by `Engine`, passed to the
 * functions of `inbound.ts`, `outbound.ts` and the rest, reachable from outside through none of them.
 *
 * @module
 */
import type { AllowedIps } from './routing/allowed-ips.ts';
import type { MacChecker } from './cookie/macs.ts';
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
import type { RoamReport } from './peer/roam-report.ts';
import type { SenderIndexTable } from './peer/sender-index.ts';
import type { StaticPair } from './peer/static-pair.ts';
import type { WorkBudget } from './rate/work-budget.ts';
import type { EngineStats } from './stats.ts';
import type { TimerTable } from './peer/timer-table.ts';
import type { TokenBucket } from './rate/token-bucket.ts';

export interface EngineState {
  readonly crypto: CryptoProvider;
  readonly randomBytes: (out: Uint8Array) => void;
  readonly unixTime: () => number;
  readonly limits: MessageLimits;
  /** undefined: the paper's way, by the number of sends. */
  readonly giveUpMs: number | undefined;

  mtu: number;
  /** The interface is up: nothing is sent or received while it is not. */
  up: boolean;
  identity: StaticIdentity | undefined;
  macChecker: MacChecker | undefined;
  /** The identity that ours is being replaced by: both are us. undefined most of the time. */
  nextIdentity: StaticIdentity | undefined;
  nextMacChecker: MacChecker | undefined;

  readonly peers: PeerTable;
  /** `Peer.number` of the one that was added last. */
  lastPeerNumber: number;
  /** By `Peer.slot`. */
  readonly peersBySlot: (Peer | undefined)[];
  readonly allowedIps: AllowedIps<Peer>;
  readonly indices: SenderIndexTable<StaticPair<Peer>, Keypair<Peer>>;
  readonly routingLoops: RoutingLoops;
  readonly timers: TimerTable;
  readonly jitter: Jitter;
  readonly timestamps: TimestampSource;
  readonly handshakes: PendingHandshakes;
  /** Of ours, that timers ask for. */
  readonly initiations: WorkBudget;
  /** Of the next identity. */
  readonly probes: WorkBudget;
  readonly load: LoadMonitor;
  readonly rateLimiter: RateLimiter;
  /** For ICMP messages of ours. */
  readonly unreachables: TokenBucket;
  readonly outputs: Outputs;
  readonly roams: RoamReport;
  readonly handshakeMessages: HandshakeMessageBuffer;
  readonly stats: EngineStats;

  /** Bookkeeping that is owed until the end of the batch. */
  readonly sent: SentMessages;
  readonly received: ReceivedMessages;
}

/** What was sent with one keypair in this batch. */
export interface SentMessages {
  /** undefined: nothing is owed. */
  keypair: Keypair<Peer> | undefined;
  messages: number;
  /** Of all messages together. */
  bytes: number;
}

/** What was received with one keypair from one source in this batch. */
export interface ReceivedMessages extends SentMessages {
  source: Endpoint | undefined;
  /** They were not only keepalives. */
  hasData: boolean;
}

/** Counts drops of the engine and, where it is known, of the peer. Returns the reason. */
export function drop(state: EngineState, reason: DropReason, peer?: Peer, count = 1): DropReason {
  state.stats.drops.add(reason, count);
  if (!peer) return reason;
  peer.countDrop(reason, count);
  state.stats.drops.concern(reason, peer.publicKey);
  return reason;
}
