/**
 * The first message, from initiator to responder: section 5.4.2 of the WireGuard paper, line by
 * line.
 *
 * The responder consumes this message in two steps, because the sender must be known before the
 * rest can be opened: `openInitiationStatic` finds the sender, and `consumeInitiation` continues
 * with that peer's handshake. Macs are not checked here, see `../cookie/macs.ts`.
 *
 * @module
 */
import { MIN_INITIATION_INTERVAL_MS } from '../constants.ts';
import { dhKeyOf } from '../crypto/dh-key.ts';
import type { CryptoProvider, DhKey } from '../crypto/provider.ts';
import { wipe } from '../crypto/wipe.ts';
import type { DropReason } from '../drop-reason.ts';
import { generatePrivateKey, type PrivateKey, type PublicKey } from '../keys.ts';
import { readInitiation, writeInitiation } from '../wire/messages.ts';
import type { Handshake } from './handshake.ts';
import { staticDh, type StaticIdentity } from './static-identity.ts';
import { SymmetricState } from './symmetric-state.ts';
import { compareTimestamps } from './tai64n.ts';

/** The values that differ from one initiation to the next. */
export interface InitiationValues {
  readonly senderIndex: number;
  /** 12 bytes, TAI64N; borrowed for the call. */
  readonly timestamp: Uint8Array;
  /** Fills its argument with random bytes, for the ephemeral private key. */
  readonly randomBytes: (out: Uint8Array) => void;
}

/**
 * Writes an initiation into `out` (148 bytes, macs left zero) and updates the handshake.
 *
 * @returns false if there is no shared secret with the peer (a low-order point); then nothing has
 *   changed
 */
export function createInitiation(
  crypto: CryptoProvider,
  identity: StaticIdentity,
  handshake: Handshake,
  { senderIndex, timestamp, randomBytes }: InitiationValues,
  out: Uint8Array,
): boolean {
  const { remoteStaticPublic } = handshake;
  // C := Hash(CONSTRUCTION); H := Hash(C || IDENTIFIER); H := Hash(H || S_r_pub)
  const state = SymmetricState.begin(crypto, remoteStaticPublic);
  let ephemeralPrivate: PrivateKey | undefined;
  let ephemeralKey: DhKey | undefined;
  let ephemeralStatic: Uint8Array | undefined;
  try {
    // (E_i_priv, E_i_pub) := DH-Generate()
    ephemeralPrivate = generatePrivateKey(randomBytes);
    ephemeralKey = dhKeyOf(crypto, ephemeralPrivate);
    const ephemeral = ephemeralKey.publicKey;
    ephemeralStatic = ephemeralKey.dh(remoteStaticPublic);
    if (!ephemeralStatic || !handshake.ensureStaticStatic(crypto, identity)) return false;
    // C := Kdf1(C, E_i_pub)
    state.mixChainingKey(ephemeral);
    // msg.ephemeral := E_i_pub; H := Hash(H || msg.ephemeral)
    state.mixHash(ephemeral);
    // (C, key) := Kdf2(C, DH(E_i_priv, S_r_pub))
    state.mixKey(ephemeralStatic);
    // msg.static := Aead(key, 0, S_i_pub, H); H := Hash(H || msg.static)
    const encryptedStatic = state.seal(identity.publicKey);
    // (C, key) := Kdf2(C, DH(S_i_priv, S_r_pub))
    state.mixKey(handshake.staticStatic as Uint8Array);
    // msg.timestamp := Aead(key, 0, Timestamp(), H); H := Hash(H || msg.timestamp)
    const encryptedTimestamp = state.seal(timestamp);
    writeInitiation(out, { senderIndex, ephemeral, encryptedStatic, encryptedTimestamp });

    handshake.chainingKey.set(state.chainingKey);
    handshake.hash.set(state.hash);
    handshake.ephemeralPrivate.set(ephemeralPrivate);
    handshake.localIndex = senderIndex;
    handshake.state = 'initiation-created';
    return true;
  } finally {
    state.wipe();
    ephemeralKey?.destroy();
    wipe(ephemeralPrivate, ephemeralStatic);
  }
}

/** An initiation whose sender is known but not yet authenticated. The arrays are copies. */
export interface OpenedInitiation {
  /** S_i_pub */
  peerPublicKey: PublicKey;
  senderIndex: number;
  /** C after msg.static. */
  chainingKey: Uint8Array;
  /** H after msg.static. */
  hash: Uint8Array;
  /** E_i_pub */
  ephemeral: Uint8Array;
  /** msg.timestamp, still sealed. */
  encryptedTimestamp: Uint8Array;
}

/**
 * Step 1: finds who sent an initiation. Anyone who knows our public key can make a message that
 * passes this step. Pass the result to `consumeInitiation` or to `forgetInitiation`.
 *
 * @returns undefined if the initiation was not made for this identity
 */
export function openInitiationStatic(
  crypto: CryptoProvider,
  identity: StaticIdentity,
  message: Uint8Array,
): OpenedInitiation | undefined {
  const initiation = readInitiation(message);
  if (!initiation) return undefined;
  const { ephemeral, senderIndex } = initiation;
  // C := Hash(CONSTRUCTION); H := Hash(C || IDENTIFIER); H := Hash(H || S_r_pub)
  const state = SymmetricState.begin(crypto, identity.publicKey);
  let ephemeralStatic: Uint8Array | undefined;
  try {
    // DH(E_i_priv, S_r_pub), computed by the responder
    ephemeralStatic = staticDh(crypto, identity, ephemeral);
    if (!ephemeralStatic) return undefined;
    // C := Kdf1(C, E_i_pub)
    state.mixChainingKey(ephemeral);
    // H := Hash(H || msg.ephemeral)
    state.mixHash(ephemeral);
    // (C, key) := Kdf2(C, DH(E_i_priv, S_r_pub))
    state.mixKey(ephemeralStatic);
    // msg.static = Aead(key, 0, S_i_pub, H); H := Hash(H || msg.static)
    const peerPublicKey = state.open(initiation.encryptedStatic);
    if (!peerPublicKey) return undefined;
    return {
      peerPublicKey: peerPublicKey as PublicKey,
      senderIndex,
      chainingKey: state.chainingKey.slice(),
      hash: state.hash.slice(),
      ephemeral: ephemeral.slice(),
      encryptedTimestamp: initiation.encryptedTimestamp.slice(),
    };
  } finally {
    state.wipe();
    wipe(ephemeralStatic);
  }
}

/** Wipes an initiation that is not passed to `consumeInitiation`. */
export function forgetInitiation(opened: OpenedInitiation): void {
  wipe(opened.chainingKey, opened.hash);
}

/**
 * Step 2: consumes an initiation with the handshake of the peer that step 1 found. `opened` is
 * wiped.
 *
 * @returns why the message must be dropped; then the handshake has not changed
 */
export function consumeInitiation(
  crypto: CryptoProvider,
  identity: StaticIdentity,
  opened: OpenedInitiation,
  handshake: Handshake,
  now: number,
): DropReason | undefined {
  const state = SymmetricState.resume(crypto, opened);
  try {
    if (!handshake.ensureStaticStatic(crypto, identity)) return 'invalid-handshake';
    // (C, key) := Kdf2(C, DH(S_i_priv, S_r_pub))
    state.mixKey(handshake.staticStatic as Uint8Array);
    // msg.timestamp = Aead(key, 0, Timestamp(), H); H := Hash(H || msg.timestamp)
    const timestamp = state.open(opened.encryptedTimestamp);
    if (!timestamp) return 'invalid-handshake';
    // Section 5.1: a message whose timestamp is not greater than the greatest so far is a replay.
    if (compareTimestamps(timestamp, handshake.lastInitiation.timestamp) <= 0)
      return 'replayed-initiation';
    if (now < handshake.lastInitiation.consumedAt + MIN_INITIATION_INTERVAL_MS) {
      return 'initiation-flood';
    }
    handshake.chainingKey.set(state.chainingKey);
    handshake.hash.set(state.hash);
    handshake.remoteEphemeral.set(opened.ephemeral);
    handshake.remoteIndex = opened.senderIndex;
    handshake.lastInitiation.timestamp.set(timestamp);
    handshake.lastInitiation.consumedAt = now;
    handshake.state = 'initiation-consumed';
    return undefined;
  } finally {
    state.wipe();
    forgetInitiation(opened);
  }
}
