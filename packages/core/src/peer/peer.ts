/**
 * `Peer`: all state of one peer, section 2.1 of the WireGuard paper. `inbound.ts`, `outbound.ts`,
 * `session-lifecycle.ts` and `timers.ts` change it.
 *
 * There may be a million peers, most of them idle. So objects that an idle peer does not need are
 * created when they are first used, and deadlines are kept in the engine's `TimerTable`.
 *
 * @module
 */
import { DropCounters, type DropReason } from '../drop-reason.ts';
import type { Endpoint } from '../endpoint.ts';
import type { StateCodec } from '../hand-over/state-codec.ts';
import { Keypairs, type Keypair } from './keypairs.ts';
import type { PresharedKey, PublicKey } from '../keys.ts';
import type { StagedPackets } from './staged-packets.ts';
import type { StaticPair } from './static-pair.ts';

export class Peer {
  /**
   * The key by which the peer is configured. `nextKey` replaces this key when `nextKey` is
   * promoted.
   */
  publicKey: PublicKey;
  /** `keyId(publicKey)`. */
  id: string;
  /** The key that will replace `publicKey`. Until then, both are valid. */
  nextKey: PublicKey | undefined = undefined;
  /** `keyId(nextKey)`. */
  nextId: string | undefined = undefined;
  /** Peers are numbered in the order in which they are added. */
  readonly number: number;
  /** The peer's row in the `TimerTable`. */
  readonly slot: number;
  presharedKey: PresharedKey | undefined = undefined;
  /**
   * Where datagrams are sent: the configured endpoint, or the source of the last authenticated
   * message.
   */
  endpoint: Endpoint | undefined = undefined;
  /** The name behind the endpoint, `HOST:PORT`; empty: there is none. */
  endpointName = '';
  /** Seconds; 0 means off. */
  persistentKeepalive = 0;
  readonly keypairs: Keypairs<Peer> = new Keypairs();
  /**
   * Whether the last `session` event was `up` or `renewed`. Then an `expired` event must follow.
   */
  sessionUp = false;
  /** Whether the public key is a low-order point. Then there is no shared secret with this peer. */
  unusable = false;

  /** The pair of static keys for new handshakes. */
  pair: StaticPair<Peer> | undefined = undefined;
  /** Other pairs, used while our key or the peer's key is being replaced. */
  otherPairs: StaticPair<Peer>[] | undefined = undefined;
  staged: StagedPackets | undefined = undefined;

  /** Initiations sent in the handshake attempt in progress. */
  handshakeSends = 0;
  /** Initiations sent since the last completed handshake, not counting probes. */
  unansweredSends = 0;
  /**
   * Probes sent since the last completed handshake, or since the last initiation of the peer if
   * that came later.
   */
  unansweredProbes = 0;
  /** When the handshake attempt in progress began, in the milliseconds of `now`. */
  attemptStartedAt: number = -Infinity;
  /**
   * When we last sent an initiation (except probes) or a response. The next initiation must be
   * at least Rekey-Timeout later.
   */
  handshakeSentAt: number = -Infinity;
  /**
   * When a timer may send an initiation to this peer, see `TurnBudget`; Infinity if no turn is
   * reserved.
   */
  turnAt: number = Infinity;
  /**
   * Whether we have already renewed the current session because it was old when a message arrived.
   */
  sentLastMinuteHandshake = false;
  /**
   * Whether data arrived while a passive keepalive was pending. Then another keepalive must follow.
   */
  needsAnotherKeepalive = false;

  /**
   * The peer inside whose tunnel our datagrams for this peer travel; undefined if none was seen.
   * `carriedAt` is the time of the last of these datagrams. See `RoutingLoops`.
   */
  carrier: Peer | undefined = undefined;
  carriedAt: number = -Infinity;

  lastHandshakeUnixMs = 0;
  receivedBytes = 0;
  sentBytes = 0;
  /** Transport messages, including keepalives. */
  receivedMessages = 0;
  sentMessages = 0;
  /**
   * The round trip of the last handshake, in microseconds; -1 if it was not measured. The number is
   * whole, so V8 stores it without an object.
   */
  roundTripUs = -1;
  #drops: DropCounters | undefined = undefined;

  constructor(publicKey: PublicKey, id: string, slot: number, number: number) {
    this.publicKey = publicKey;
    this.id = id;
    this.slot = slot;
    this.number = number;
  }

  /** Returns the keypair to send with; undefined if no message may be sealed now. */
  sendKeypair(now: number): Keypair<Peer> | undefined {
    const current = this.keypairs.current;
    return current?.isUsable(now) === true ? current : undefined;
  }

  /** Iterates over all pairs. The preferred one comes first. */
  *pairs(): IterableIterator<StaticPair<Peer>> {
    if (this.pair) yield this.pair;
    if (this.otherPairs) yield* this.otherPairs;
  }

  countDrop(reason: DropReason, count = 1): void {
    this.#drops ??= new DropCounters();
    this.#drops.add(reason, count);
  }

  /** Writes or reads the numbers of drops, for a hand-over. */
  codeDrops(codec: StateCodec): void {
    if (!codec.flag(this.#drops !== undefined)) return;
    this.#drops ??= new DropCounters();
    this.#drops.code(codec);
  }

  /**
   * Returns how many packets were dropped, by reason; a new object with only the reasons that
   * occurred.
   */
  drops(): Partial<Record<DropReason, number>> {
    return this.#drops?.toJSON() ?? {};
  }
}
