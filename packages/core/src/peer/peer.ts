/**
 * `Peer`: all state of one peer, section 2.1. What happens to it is in `inbound.ts`, `outbound.ts`,
 * `session-lifecycle.ts`, `timers.ts`.
 *
 * There may be a million of them, most of them idle: what an idle peer does not need is made when it
 * is first used, and its deadlines stand in the engine's `TimerTable`.
 *
 * @module
 */
import { DropCounters, type DropReason } from '../drop-reason.ts';
import type { Endpoint } from '../endpoint.ts';
import { Keypairs, type Keypair } from './keypairs.ts';
import type { PresharedKey, PublicKey } from '../keys.ts';
import type { StagedPackets } from './staged-packets.ts';
import type { StaticPair } from './static-pair.ts';

export class Peer {
  /** Its name to those who configure it; replaced by `nextKey` when that is promoted. */
  publicKey: PublicKey;
  /** `keyId(publicKey)`. */
  id: string;
  /** The key that the peer goes over to, as good as the first one. */
  nextKey: PublicKey | undefined = undefined;
  /** `keyId(nextKey)`. */
  nextId: string | undefined = undefined;
  /** A peer that is added later has a higher one. */
  readonly number: number;
  /** Its row in the `TimerTable`. */
  readonly slot: number;
  presharedKey: PresharedKey | undefined = undefined;
  /** Where datagrams go: configured, then whatever its last authenticated message came from. */
  endpoint: Endpoint | undefined = undefined;
  /** Seconds, 0 is off. */
  persistentKeepalive = 0;
  readonly keypairs: Keypairs<Peer> = new Keypairs();
  /** What the last event said: `up` or `renewed`, and not yet `expired`. */
  sessionUp = false;
  /** Its public key is a low-order point: there is no secret to share with it. */
  unusable = false;

  /** The one that handshakes of ours are made with. */
  pair: StaticPair<Peer> | undefined = undefined;
  /** The others that were used, while there is more than one: our key or the peer's is being replaced. */
  otherPairs: StaticPair<Peer>[] | undefined = undefined;
  staged: StagedPackets | undefined = undefined;

  /** Initiations sent in this attempt. */
  handshakeSends = 0;
  /** Initiations sent since a handshake was last completed, probes left out. */
  unansweredSends = 0;
  /** Probes sent since then, or since the peer initiated. */
  unansweredProbes = 0;
  /** When this attempt began. */
  attemptStartedAt: number = -Infinity;
  /** When an initiation or a response last left: the next initiation is Rekey-Timeout later. */
  handshakeSentAt: number = -Infinity;
  /** When its turn comes to send an initiation that a timer asked for; Infinity: none was reserved. */
  turnAt: number = Infinity;
  /** A renewal because of the age of the session on receipt was already asked for. */
  sentLastMinuteHandshake = false;
  /** Data came while a passive keepalive was pending: one more follows it. */
  needsAnotherKeepalive = false;

  /** Inside whose datagrams ours for this peer travelled last, and when; see `RoutingLoops`. */
  carrier: Peer | undefined = undefined;
  carriedAt: number = -Infinity;

  lastHandshakeUnixMs = 0;
  receivedBytes = 0;
  sentBytes = 0;
  #drops: DropCounters | undefined = undefined;

  constructor(publicKey: PublicKey, id: string, slot: number, number: number) {
    this.publicKey = publicKey;
    this.id = id;
    this.slot = slot;
    this.number = number;
  }

  /** The keypair to send with, if a message may be sealed with it now. */
  sendKeypair(now: number): Keypair<Peer> | undefined {
    const current = this.keypairs.current;
    return current?.usable(now) === true ? current : undefined;
  }

  /** With `pair` first. */
  *pairs(): IterableIterator<StaticPair<Peer>> {
    if (this.pair) yield this.pair;
    if (this.otherPairs) yield* this.otherPairs;
  }

  countDrop(reason: DropReason, count = 1): void {
    this.#drops ??= new DropCounters();
    this.#drops.add(reason, count);
  }

  /** Reasons that occurred; a new object. */
  drops(): Partial<Record<DropReason, number>> {
    return this.#drops?.toJSON() ?? {};
  }
}
