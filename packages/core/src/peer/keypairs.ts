/**
 * `Keypair`: the keys of one session. `Keypairs`: the sessions of a peer, normally at most three,
 * and how they rotate, sections 5.4.5 and 6.3 of the WireGuard paper.
 *
 * ```
 *  we initiated:   new keypair ----------------------------> current -> previous -> gone
 *  we responded:   new keypair -> next (receive only) -----> current -> previous -> gone
 *                                 first message received with it ^
 * ```
 * Messages are sent with `current` only. They are received with `current`, `previous` and `next`.
 * While static keys are being replaced, they are also received with `retired` keypairs.
 *
 * @module
 */
import { REJECT_AFTER_TIME_MS } from '../constants.ts';
import type { Cipher } from '../crypto/provider.ts';
import type { PublicKey } from '../keys.ts';
import { ReplayWindow } from './replay-window.ts';
import type { SenderIndexTable } from './sender-index.ts';

/**
 * A session is renewed after `rekeyAfterMessages` messages. After `rejectAfterMessages` messages,
 * it is not used any more. Both limits come from the engine's options.
 */
export interface MessageLimits {
  readonly rekeyAfterMessages: number;
  readonly rejectAfterMessages: number;
}

/**
 * The static keys of both sides with which a session was made. They are the engine's own key
 * objects: do not change them.
 */
export interface SessionStaticKeys {
  readonly own: PublicKey;
  readonly peer: PublicKey;
}

/** The result of a completed handshake. The keypair becomes the owner of the ciphers. */
export interface KeypairParts<Owner> {
  peer: Owner;
  /** Kept by reference. */
  staticKeys: SessionStaticKeys;
  isInitiator: boolean;
  localIndex: number;
  remoteIndex: number;
  sendCipher: Cipher;
  receiveCipher: Cipher;
  limits: MessageLimits;
  createdAt: number;
}

/** The keys of one session. `Owner` is the type of the peer that the keys belong to. */
export class Keypair<Owner = unknown> {
  readonly peer: Owner;
  readonly staticKeys: SessionStaticKeys;
  readonly isInitiator: boolean;
  /** The receiver index in messages from the peer. */
  readonly localIndex: number;
  /** The receiver index in messages to the peer. */
  readonly remoteIndex: number;
  readonly sendCipher: Cipher;
  readonly receiveCipher: Cipher;
  readonly limits: MessageLimits;
  readonly createdAt: number;
  readonly replayWindow: ReplayWindow = new ReplayWindow();
  /** The counter of the next message. */
  sendCounter = 0;
  /** False when a limit was reached, or when our static key or this keypair was replaced. */
  canSend = true;

  constructor(parts: KeypairParts<Owner>) {
    this.peer = parts.peer;
    this.staticKeys = parts.staticKeys;
    this.isInitiator = parts.isInitiator;
    this.localIndex = parts.localIndex;
    this.remoteIndex = parts.remoteIndex;
    this.sendCipher = parts.sendCipher;
    this.receiveCipher = parts.receiveCipher;
    this.limits = parts.limits;
    this.createdAt = parts.createdAt;
  }

  /**
   * Returns whether Reject-After-Time has passed. An expired keypair neither sends nor receives.
   */
  isExpired(now: number): boolean {
    return now >= this.createdAt + REJECT_AFTER_TIME_MS;
  }

  /**
   * Returns whether a message may be sealed. Sets `canSend` to false for good when a limit is
   * reached.
   */
  isUsable(now: number): boolean {
    if (this.isExpired(now) || this.sendCounter >= this.limits.rejectAfterMessages) {
      this.canSend = false;
    }
    return this.canSend;
  }

  /**
   * Returns how many of `wanted` messages may be sealed. It returns fewer only if a limit is
   * reached.
   */
  countSealable(now: number, wanted: number): number {
    if (!this.isUsable(now)) return 0;
    const left = this.limits.rejectAfterMessages - this.sendCounter;
    // Math.min is not used, because its result would be a floating-point number for V8, often a
    // heap object.
    return left >= wanted ? wanted : left;
  }
}

/** The sessions of one peer. `current` sends and receives; `previous` and `next` only receive. */
export class Keypairs<Owner = unknown> {
  current: Keypair<Owner> | undefined = undefined;
  previous: Keypair<Owner> | undefined = undefined;
  next: Keypair<Owner> | undefined = undefined;
  /**
   * Whether the last few replaced keypairs are kept for receiving. This is set while static keys
   * are being replaced. Then handshakes of both sides can cross, so the peer may still send with a
   * keypair that we have replaced.
   */
  retires = false;
  #retired: Keypair<Owner>[] | undefined = undefined;

  /** Replaced keypairs that still receive. */
  get retired(): readonly Keypair<Owner>[] {
    return this.#retired ?? [];
  }

  /** Sets the replaced keypairs of a peer that was handed over. */
  restoreRetired(keypairs: Keypair<Owner>[]): void {
    this.#retired = keypairs.length > 0 ? keypairs : undefined;
  }

  /**
   * Stores a new keypair: as `current` if we initiated, as `next` if the peer initiated (kernel:
   * noise.c, add_new_keypair).
   */
  add(keypair: Keypair<Owner>, indices: SenderIndexTable): void {
    if (!this.retires) this.#forgetRetired(indices);
    if (!keypair.isInitiator) {
      // The new keypair is not confirmed yet. The peer may still send with the old keys, so
      // `current` stays.
      this.#retire(this.next, indices);
      this.#retire(this.previous, indices);
      this.next = keypair;
      this.previous = undefined;
      return;
    }
    this.#retire(this.previous, indices);
    if (this.next) {
      // The peer may already send with this unconfirmed session, so it is kept as `previous`.
      this.#retire(this.current, indices);
      this.previous = this.next;
      this.next = undefined;
    } else {
      this.previous = this.current;
    }
    this.current = keypair;
  }

  /**
   * Called when a message was received with this keypair. Returns true if the message confirmed the
   * keypair, which then moves from `next` to `current`.
   */
  confirm(keypair: Keypair<Owner>, indices: SenderIndexTable): boolean {
    if (keypair !== this.next) return false;
    this.#retire(this.previous, indices);
    this.previous = this.current;
    this.current = keypair;
    this.next = undefined;
    return true;
  }

  /**
   * Stops sending with `current` and `next`. Messages in flight can still be received.
   *
   * @param own if given, only sessions that were made with this static key of ours
   */
  stopSending(own?: PublicKey): void {
    for (const keypair of [this.current, this.next]) {
      if (keypair && (own === undefined || keypair.staticKeys.own === own)) keypair.canSend = false;
    }
  }

  /**
   * Wipes the sessions that were made with this static key of the peer, and all retired sessions.
   */
  clearOfPeerKey(peerKey: PublicKey, indices: SenderIndexTable): void {
    this.#forgetRetired(indices);
    if (this.current?.staticKeys.peer === peerKey) this.current = discard(this.current, indices);
    if (this.previous?.staticKeys.peer === peerKey) this.previous = discard(this.previous, indices);
    if (this.next?.staticKeys.peer === peerKey) this.next = discard(this.next, indices);
  }

  /** Wipes all keys and frees their indices. */
  clear(indices: SenderIndexTable): void {
    this.#forgetRetired(indices);
    this.current = discard(this.current, indices);
    this.previous = discard(this.previous, indices);
    this.next = discard(this.next, indices);
  }

  #retire(keypair: Keypair<Owner> | undefined, indices: SenderIndexTable): void {
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

/**
 * Wipes the keys and frees the index. Returns undefined, to be assigned in place of the keypair.
 */
function discard(keypair: Keypair | undefined, indices: SenderIndexTable): undefined {
  if (!keypair) return undefined;
  indices.free(keypair.localIndex);
  keypair.canSend = false;
  keypair.sendCipher.destroy();
  keypair.receiveCipher.destroy();
  return undefined;
}

/**
 * At most this many replaced keypairs are kept. Two handshakes that cross replace fewer keypairs
 * than this.
 */
const MOST_RETIRED = 4;
