/**
 * `Keypair`: the keys of one session. `Keypairs`: the up to three sessions of a peer and how they
 * take turns, sections 5.4.5 and 6.3.
 *
 * ```
 *  we initiated:   new keypair ----------------------------> current -> previous -> gone
 *  we responded:   new keypair -> next (receive only) -----> current -> previous -> gone
 *                                  first packet received with it ^
 * ```
 * Packets are sent with `current` only and received with any of the three.
 *
 * @module
 */
import { REJECT_AFTER_TIME_MS } from '../constants.ts';
import type { Cipher } from '../crypto/provider.ts';
import type { PublicKey } from '../keys.ts';
import { ReplayWindow } from './replay-window.ts';
import type { SenderIndexTable } from './sender-index.ts';

/** How many messages a key may seal or open; numbers of the engine's options. */
export interface MessageLimits {
  readonly rekeyAfterMessages: number;
  readonly rejectAfterMessages: number;
}

/** The static keys of the two sides that made a session; views of nobody's to change. */
export interface SessionKeys {
  readonly own: PublicKey;
  readonly peer: PublicKey;
}

/** What a completed handshake leaves. The ciphers become the keypair's. */
export interface KeypairParts<Owner> {
  peer: Owner;
  /** Kept by reference. */
  statics: SessionKeys;
  isInitiator: boolean;
  localIndex: number;
  remoteIndex: number;
  sendCipher: Cipher;
  receiveCipher: Cipher;
  limits: MessageLimits;
  createdAt: number;
}

/** `Owner`: whose keys they are, a `Peer`, which has its own `Keypairs` in turn. */
export class Keypair<Owner = unknown> {
  readonly peer: Owner;
  readonly statics: SessionKeys;
  readonly isInitiator: boolean;
  /** What the other side puts into its messages. */
  readonly localIndex: number;
  /** What we put into ours. */
  readonly remoteIndex: number;
  readonly sendCipher: Cipher;
  readonly receiveCipher: Cipher;
  readonly limits: MessageLimits;
  readonly createdAt: number;
  readonly replayWindow: ReplayWindow = new ReplayWindow();
  /** The counter of the next message. */
  sendCounter = 0;
  /** False after Reject-After-Time, Reject-After-Messages, or a change of the private key. */
  canSend = true;

  constructor(parts: KeypairParts<Owner>) {
    this.peer = parts.peer;
    this.statics = parts.statics;
    this.isInitiator = parts.isInitiator;
    this.localIndex = parts.localIndex;
    this.remoteIndex = parts.remoteIndex;
    this.sendCipher = parts.sendCipher;
    this.receiveCipher = parts.receiveCipher;
    this.limits = parts.limits;
    this.createdAt = parts.createdAt;
  }

  /** Reject-After-Time has passed: neither sends nor receives. */
  isExpired(now: number): boolean {
    return now >= this.createdAt + REJECT_AFTER_TIME_MS;
  }

  /** A message may be sealed. Turns `canSend` off for good when it finds a limit reached. */
  usable(now: number): boolean {
    if (this.isExpired(now) || this.sendCounter >= this.limits.rejectAfterMessages) {
      this.canSend = false;
    }
    return this.canSend;
  }

  /** How many of `wanted` messages may be sealed: fewer only where `usable` would turn false. */
  sealable(now: number, wanted: number): number {
    if (!this.usable(now)) return 0;
    const left = this.limits.rejectAfterMessages - this.sendCounter;
    // Not the smaller of the two: it would be a fraction to the engine, and most often an object.
    return left >= wanted ? wanted : left;
  }
}

export class Keypairs<Owner = unknown> {
  current: Keypair<Owner> | undefined = undefined;
  previous: Keypair<Owner> | undefined = undefined;
  next: Keypair<Owner> | undefined = undefined;
  /**
   * While static keys are being replaced, handshakes of both sides cross, and the other side may still
   * send with what is put away here. So it is received with for longer: the last few of them stay.
   */
  retires = false;
  #retired: Keypair<Owner>[] | undefined = undefined;

  /** Takes a new keypair in, at the place that its role gives it (kernel: noise.c, add_new_keypair). */
  add(keypair: Keypair<Owner>, indices: SenderIndexTable): void {
    if (!this.retires) this.#forgetRetired(indices);
    if (!keypair.isInitiator) {
      // Not confirmed yet: the other side may still use what it had, so `current` stays.
      this.#putAway(this.next, indices);
      this.#putAway(this.previous, indices);
      this.next = keypair;
      this.previous = undefined;
      return;
    }
    this.#putAway(this.previous, indices);
    if (this.next) {
      // An unconfirmed session of the other direction: the other side may have begun to use it.
      this.#putAway(this.current, indices);
      this.previous = this.next;
      this.next = undefined;
    } else {
      this.previous = this.current;
    }
    this.current = keypair;
  }

  /**
   * A message was received with this keypair. Returns true if that confirmed it: it was `next` and is
   * `current` now.
   */
  confirm(keypair: Keypair<Owner>, indices: SenderIndexTable): boolean {
    if (keypair !== this.next) return false;
    this.#putAway(this.previous, indices);
    this.previous = this.current;
    this.current = keypair;
    this.next = undefined;
    return true;
  }

  /**
   * Nothing is sent with what there is; what is in flight may still be received.
   *
   * @param own only of the sessions that were made with this key of ours
   */
  stopSending(own?: PublicKey): void {
    for (const keypair of [this.current, this.next]) {
      if (keypair && (own === undefined || keypair.statics.own === own)) keypair.canSend = false;
    }
  }

  /** Wipes the keys of the sessions that were made with this static key of the other side. */
  clearOf(peerKey: PublicKey, indices: SenderIndexTable): void {
    this.#forgetRetired(indices);
    if (this.current?.statics.peer === peerKey) this.current = discard(this.current, indices);
    if (this.previous?.statics.peer === peerKey) this.previous = discard(this.previous, indices);
    if (this.next?.statics.peer === peerKey) this.next = discard(this.next, indices);
  }

  /** Wipes all keys and frees their indices. */
  clear(indices: SenderIndexTable): void {
    this.#forgetRetired(indices);
    this.current = discard(this.current, indices);
    this.previous = discard(this.previous, indices);
    this.next = discard(this.next, indices);
  }

  #putAway(keypair: Keypair<Owner> | undefined, indices: SenderIndexTable): void {
    if (!keypair) return;
    if (!this.retires) {
      discard(keypair, indices);
      return;
    }
    keypair.canSend = false;
    this.#retired ??= [];
    this.#retired.push(keypair);
    if (this.#retired.length > MOST_RETIRED) discard(this.#retired.shift(), indices);
  }

  #forgetRetired(indices: SenderIndexTable): void {
    for (const keypair of this.#retired ?? []) discard(keypair, indices);
    this.#retired = undefined;
  }
}

/** Wipes its keys. Returns what is left of it. */
function discard(keypair: Keypair | undefined, indices: SenderIndexTable): undefined {
  if (!keypair) return undefined;
  indices.free(keypair.localIndex);
  keypair.canSend = false;
  keypair.sendCipher.destroy();
  keypair.receiveCipher.destroy();
  return undefined;
}

/** A crossing puts two away at most. */
const MOST_RETIRED = 4;
