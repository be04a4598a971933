/**
 * `EngineObserver`: sees what an engine does with handshake messages, and which secrets it makes
 * for them. A capture needs both. For packets it needs no observer, because packets can be seen
 * outside the engine.
 *
 * The engine works the same with and without an observer. An observer must not call the engine.
 *
 * @module
 */
import type { DropReason } from './drop-reason.ts';
import type { Endpoint } from './endpoint.ts';
import type { PresharedKey, PrivateKey, PublicKey } from './keys.ts';

/** The callbacks of an observer. All arguments are borrowed for the call. */
export interface EngineObserver {
  /**
   * A received handshake message was processed. A message that waited in a queue is reported when
   * it is processed, not when it arrived.
   *
   * @param reason why it was dropped; undefined if it was accepted
   * @param peer undefined if nothing shows which peer sent it
   */
  handshakeMessage(
    message: Uint8Array,
    source: Endpoint,
    reason: DropReason | undefined,
    peer: PublicKey | undefined,
  ): void;
  /**
   * The engine is about to send an initiation or a response. Anybody who has these secrets and the
   * messages on the wire can decrypt the session that follows. If this function is absent, no
   * secret leaves the engine.
   */
  handshakeSecrets?(secrets: HandshakeSecrets): void;
}

/**
 * The secrets of one handshake message. The two private keys are copies, which are wiped after the
 * call.
 */
export interface HandshakeSecrets {
  readonly staticPrivate: PrivateKey;
  readonly peer: PublicKey;
  /** The static key of the peer in this handshake: `peer`, or the key that will replace it. */
  readonly remoteStaticPublic: PublicKey;
  readonly ephemeralPrivate: Uint8Array;
  readonly presharedKey: PresharedKey | undefined;
}
