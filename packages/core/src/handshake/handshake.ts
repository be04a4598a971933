/**
 * `Handshake`: what one peer's handshake remembers between its messages, section 5.4.
 *
 * ```
 * initiator:  zeroed -> initiation-created  -> response-consumed -> (keys derived) zeroed
 * responder:  zeroed -> initiation-consumed -> response-created  -> (keys derived) zeroed
 * ```
 * An initiation may be created or consumed in every state: it begins anew. When both sides initiate at
 * once, the initiation of the other side is answered from a second object (`beside`), so that ours can
 * still be answered.
 *
 * @module
 */
import { HASH_LENGTH, KEY_LENGTH, TIMESTAMP_LENGTH } from '../constants.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { secretBytes, secretCopy } from '../crypto/secret-bytes.ts';
import { wipe } from '../crypto/wipe.ts';
import { PresharedKey, type PublicKey } from '../keys.ts';
import { staticDh, type StaticIdentity } from './static-identity.ts';

export type HandshakeState =
  | 'zeroed'
  | 'initiation-created'
  | 'initiation-consumed'
  | 'response-created'
  | 'response-consumed';

/** The last initiation of a peer that was believed. */
export interface LastInitiation {
  /** The greatest timestamp so far, TAI64N. */
  readonly timestamp: Uint8Array;
  /** When it was consumed, `now` of the engine. */
  consumedAt: number;
}

/** Owned by its peer; written by `initiation.ts`, `response.ts` and `transport-keys.ts` only. */
export class Handshake {
  readonly remoteStaticPublic: PublicKey;
  /** Q; all zero if there is none. Kept by reference, never wiped here. */
  presharedKey: PresharedKey = NO_PRESHARED_KEY;
  /** DH(S_priv, S_pub of the peer); see `ensureStaticStatic`. */
  staticStatic: Uint8Array | undefined = undefined;

  state: HandshakeState = 'zeroed';
  /** C after the last message. */
  readonly chainingKey: Uint8Array = secretBytes(HASH_LENGTH);
  /** H after the last message. */
  readonly hash: Uint8Array = secretBytes(HASH_LENGTH);
  readonly ephemeralPrivate: Uint8Array = secretBytes(KEY_LENGTH);
  /** Of the initiation that is to be answered. */
  readonly remoteEphemeral: Uint8Array = new Uint8Array(KEY_LENGTH);
  localIndex = 0;
  remoteIndex = 0;

  /** Outlives handshakes. */
  readonly lastInitiation: LastInitiation;

  /** @param remoteStaticPublic kept by reference */
  constructor(
    remoteStaticPublic: PublicKey,
    lastInitiation: LastInitiation = {
      timestamp: new Uint8Array(TIMESTAMP_LENGTH),
      consumedAt: -Infinity,
    },
  ) {
    this.remoteStaticPublic = remoteStaticPublic;
    this.lastInitiation = lastInitiation;
  }

  /**
   * For another handshake with the same peer while this one goes on. What outlives handshakes is shared:
   * a replay for one is a replay for the other.
   */
  beside(): Handshake {
    const other = new Handshake(this.remoteStaticPublic, this.lastInitiation);
    other.presharedKey = this.presharedKey;
    other.staticStatic = this.staticStatic;
    return other;
  }

  /**
   * Computes the static-static secret at the first handshake and not before: X25519 for every
   * configured peer would take minutes where there are many.
   *
   * @returns false for a low-order point: there is no secret to share with this peer
   */
  ensureStaticStatic(crypto: CryptoProvider, identity: StaticIdentity): boolean {
    if (this.staticStatic) return true;
    const secret = staticDh(crypto, identity, this.remoteStaticPublic);
    this.staticStatic = secret && secretCopy(secret);
    wipe(secret);
    return this.staticStatic !== undefined;
  }

  /** Our own key has changed, or the peer is no more. */
  forgetStaticStatic(): void {
    wipe(this.staticStatic);
    this.staticStatic = undefined;
  }

  /** Forgets the handshake in progress. What outlives handshakes stays: replays are still known. */
  clear(): void {
    this.state = 'zeroed';
    this.localIndex = 0;
    this.remoteIndex = 0;
    wipe(this.chainingKey, this.hash, this.ephemeralPrivate, this.remoteEphemeral);
  }
}

/** Section 5.4: all zero when none is set. */
export const NO_PRESHARED_KEY: PresharedKey = new PresharedKey();
