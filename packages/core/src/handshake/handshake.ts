/**
 * `Handshake`: the state of one handshake between its messages, section 5.4 of the WireGuard paper.
 *
 * ```
 * initiator:  zeroed -> initiation-created  -> response-consumed -> (keys derived) zeroed
 * responder:  zeroed -> initiation-consumed -> response-created  -> (keys derived) zeroed
 * ```
 * An initiation may be created or consumed in every state and starts a new handshake. When both
 * sides initiate at once, the initiation of the peer is answered from a second object
 * (`createSecond`), so that our own initiation can still be answered.
 *
 * @module
 */
import { HASH_LENGTH, KEY_LENGTH, TIMESTAMP_LENGTH } from '../constants.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { secretBytes, secretCopy } from '../crypto/secret-bytes.ts';
import { wipe } from '../crypto/wipe.ts';
import { PresharedKey, type PublicKey } from '../keys.ts';
import { staticDh, type StaticIdentity } from './static-identity.ts';

/** The state of a handshake: which message was created or consumed last. */
export type HandshakeState =
  | 'zeroed'
  | 'initiation-created'
  | 'initiation-consumed'
  | 'response-created'
  | 'response-consumed';

/** The last accepted initiation of a peer. */
export interface LastInitiation {
  /** The greatest timestamp so far, TAI64N, 12 bytes. */
  readonly timestamp: Uint8Array;
  /** When it was consumed, in the milliseconds of the engine's `now`. */
  consumedAt: number;
}

/**
 * The state of one handshake of a `StaticPair`. Only `clear`, the functions in `initiation.ts`,
 * `response.ts` and `transport-keys.ts`, and a hand-over change `state`.
 */
export class Handshake {
  readonly remoteStaticPublic: PublicKey;
  /** Q of the paper; all zeros if there is none. Kept by reference and never wiped here. */
  presharedKey: PresharedKey = NO_PRESHARED_KEY;
  /** DH(S_priv, S_pub of the peer), computed by `ensureStaticStatic`. */
  staticStatic: Uint8Array | undefined = undefined;

  state: HandshakeState = 'zeroed';
  /** C after the last message. */
  readonly chainingKey: Uint8Array = secretBytes(HASH_LENGTH);
  /** H after the last message. */
  readonly hash: Uint8Array = secretBytes(HASH_LENGTH);
  readonly ephemeralPrivate: Uint8Array = secretBytes(KEY_LENGTH);
  /** The ephemeral key of the initiation that is to be answered. */
  readonly remoteEphemeral: Uint8Array = new Uint8Array(KEY_LENGTH);
  localIndex = 0;
  remoteIndex = 0;

  /** This is kept when a handshake ends, to detect replays in later handshakes. */
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
   * Returns an object for another handshake with the same peer while this one is in progress. Both
   * objects share `lastInitiation`, so that both detect a replay.
   */
  createSecond(): Handshake {
    const other = new Handshake(this.remoteStaticPublic, this.lastInitiation);
    other.presharedKey = this.presharedKey;
    other.staticStatic = this.staticStatic;
    return other;
  }

  /**
   * Computes the static-static secret at the first handshake. The secret is not computed earlier,
   * because X25519 for every configured peer would take minutes if there are many peers.
   *
   * @returns false if the key of the peer is a low-order point, because then there is no shared
   *   secret
   */
  ensureStaticStatic(crypto: CryptoProvider, identity: StaticIdentity): boolean {
    if (this.staticStatic) return true;
    const secret = staticDh(crypto, identity, this.remoteStaticPublic);
    this.staticStatic = secret && secretCopy(secret);
    wipe(secret);
    return this.staticStatic !== undefined;
  }

  /** Wipes the static-static secret. Called when one of the two static keys is no longer used. */
  forgetStaticStatic(): void {
    wipe(this.staticStatic);
    this.staticStatic = undefined;
  }

  /** Forgets the handshake in progress. `lastInitiation` and the static-static secret stay. */
  clear(): void {
    this.state = 'zeroed';
    this.localIndex = 0;
    this.remoteIndex = 0;
    wipe(this.chainingKey, this.hash, this.ephemeralPrivate, this.remoteEphemeral);
  }
}

/** Section 5.4: all zeros if no preshared key is set. */
export const NO_PRESHARED_KEY: PresharedKey = new PresharedKey();
