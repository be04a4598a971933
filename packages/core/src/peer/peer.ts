/**
 * `Peer`: all state of one peer, section 2.1. What happens to it is in `inbound.ts`, `outbound.ts`,
 * `session-lifecycle.ts`, `timers.ts`.
 *
 * There may be a million of them, most of them idle: what an idle peer does not need is made when it
 * is first used, and its deadlines stand in the engine's `TimerTable`.
 *
 * @module
 */
import type { MacSender } from '../cookie/macs.ts';
import { DropCounters, type DropReason } from '../drop-reason.ts';
import type { Endpoint } from '../endpoint.ts';
import type { Handshake } from '../handshake/handshake.ts';
import { Keypairs, type Keypair } from './keypairs.ts';
import type { PresharedKey, PublicKey } from '../keys.ts';
import type { StagedPackets } from './staged-packets.ts';

export class Peer {
  readonly publicKey: PublicKey;
  /** `keyId(publicKey)`. */
  readonly id: string;
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

  handshake: Handshake | undefined = undefined;
  /** mac1, mac2 and the cookie for messages to it. */
  macs: MacSender | undefined = undefined;
  staged: StagedPackets | undefined = undefined;

  /** Sender index of the handshake in progress, -1 for none. */
  handshakeIndex = -1;
  /** Initiations sent in this attempt. */
  handshakeSends = 0;
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

  countDrop(reason: DropReason, count = 1): void {
    this.#drops ??= new DropCounters();
    this.#drops.add(reason, count);
  }

  /** Reasons that occurred; a new object. */
  drops(): Partial<Record<DropReason, number>> {
    return this.#drops?.toJSON() ?? {};
  }
}
