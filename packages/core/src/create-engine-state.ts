/**
 * `createEngineState`: makes the state of a new engine from its options.
 *
 * @module
 */
import { checkOptions } from './arguments.ts';
import { DEFAULT_MTU, REJECT_AFTER_MESSAGES, REKEY_AFTER_MESSAGES } from './constants.ts';
import { nobleProvider } from './crypto/noble.ts';
import type { EngineOptions } from './engine-options.ts';
import type { EngineState } from './engine-state.ts';
import { HandshakeMessageBuffer } from './flow/handshake-message-buffer.ts';
import { createInitiationBudget, createProbeBudget } from './flow/initiation-turns.ts';
import { RoutingLoops } from './flow/routing-loops.ts';
import { TimestampSource } from './handshake/tai64n.ts';
import { Outputs } from './outputs.ts';
import type { Keypair } from './peer/keypairs.ts';
import type { Peer } from './peer/peer.ts';
import { PeerTable } from './peer/peer-table.ts';
import { RoamLimiter } from './peer/roam-limiter.ts';
import { SenderIndexTable } from './peer/sender-index.ts';
import type { StaticPair } from './peer/static-pair.ts';
import { TimerTable } from './peer/timer-table.ts';
import { Jitter } from './rate/jitter.ts';
import { LoadMonitor } from './rate/load-monitor.ts';
import { PendingHandshakes } from './rate/pending-handshakes.ts';
import { RateLimiter } from './rate/rate-limiter.ts';
import { TokenBucket } from './rate/token-bucket.ts';
import { AllowedIps } from './routing/allowed-ips.ts';
import type { EngineStats } from './stats.ts';

/**
 * Checks the options and creates the state: the link is up, and there are no keys and no peers.
 *
 * @throws {TypeError | RangeError} an option has the wrong type or is out of range
 */
export function createEngineState(options: EngineOptions, stats: EngineStats): EngineState {
  checkOptions(options);
  const { randomBytes, unixTime, crypto = nobleProvider } = options;
  const { mtu = DEFAULT_MTU, limits = {}, underLoad = {}, handshakeGiveUpMs } = options;
  const outputs = new Outputs();
  const indices = new SenderIndexTable<StaticPair<Peer>, Keypair<Peer>>(randomBytes);
  return {
    crypto,
    randomBytes,
    unixTime,
    limits: {
      rekeyAfterMessages: limits.rekeyAfterMessages ?? REKEY_AFTER_MESSAGES,
      rejectAfterMessages: limits.rejectAfterMessages ?? REJECT_AFTER_MESSAGES,
    },
    giveUpMs: handshakeGiveUpMs,
    mtu,
    up: true,
    identity: undefined,
    macChecker: undefined,
    nextIdentity: undefined,
    nextMacChecker: undefined,
    peers: new PeerTable(),
    lastPeerNumber: 0,
    peersBySlot: [],
    allowedIps: new AllowedIps(),
    indices,
    routingLoops: new RoutingLoops(indices),
    timers: new TimerTable(),
    jitter: new Jitter(randomBytes),
    timestamps: new TimestampSource(unixTime),
    handshakes: new PendingHandshakes(),
    initiations: createInitiationBudget(),
    probes: createProbeBudget(),
    load: new LoadMonitor(underLoad.handshakesPerSecond ?? HANDSHAKES_PER_SECOND),
    rateLimiter: new RateLimiter(),
    unreachableLimit: new TokenBucket(UNREACHABLES_PER_SECOND, UNREACHABLES_BURST),
    outputs,
    roams: new RoamLimiter(outputs),
    handshakeMessages: new HandshakeMessageBuffer(),
    stats,
    observer: undefined,
    sent: { keypair: undefined, messages: 0, bytes: 0 },
    received: { keypair: undefined, source: undefined, messages: 0, bytes: 0, hasData: false },
  };
}

/**
 * If more handshake messages than this arrive in a second, the engine requires cookies. One
 * handshake costs about 0.1 ms of CPU time with OpenSSL, and 5 ms with noble. So a hundred
 * handshakes per second take about 1 % of the time of one core with OpenSSL, and half of it with
 * noble.
 */
const HANDSHAKES_PER_SECOND = 100;
/** The limits for our own ICMP messages: the kernel's icmp_msgs_per_sec and icmp_msgs_burst. */
const UNREACHABLES_PER_SECOND = 1000;
const UNREACHABLES_BURST = 50;
