/**
 * The second message, from responder to initiator: section 5.4.3 of the WireGuard paper, line by
 * line. Macs are not checked here, see `../cookie/macs.ts`.
 *
 * @module
 */
import { dhKeyOf } from '../crypto/dh-key.ts';
import type { CryptoProvider, DhKey } from '../crypto/provider.ts';
import { wipe } from '../crypto/wipe.ts';
import type { DropReason } from '../drop-reason.ts';
import { generatePrivateKey, type PrivateKey } from '../keys.ts';
import { readResponse, writeResponse } from '../wire/messages.ts';
import type { Handshake } from './handshake.ts';
import { staticDh, type StaticIdentity } from './static-identity.ts';
import { SymmetricState } from './symmetric-state.ts';

/**
 * Answers the initiation that the handshake has consumed. Writes the response into `out` (92 bytes,
 * macs left zero) and updates the handshake.
 *
 * @returns false if no initiation was consumed, or if a key of the initiator is a low-order point;
 *   then nothing has changed
 */
export function createResponse(
  crypto: CryptoProvider,
  handshake: Handshake,
  senderIndex: number,
  randomBytes: (out: Uint8Array) => void,
  out: Uint8Array,
): boolean {
  if (handshake.state !== 'initiation-consumed') return false;
  const state = SymmetricState.resume(crypto, handshake);
  let ephemeralPrivate: PrivateKey | undefined;
  let ephemeralKey: DhKey | undefined;
  let ephemeralEphemeral: Uint8Array | undefined;
  let ephemeralStatic: Uint8Array | undefined;
  try {
    // (E_r_priv, E_r_pub) := DH-Generate()
    ephemeralPrivate = generatePrivateKey(randomBytes);
    ephemeralKey = dhKeyOf(crypto, ephemeralPrivate);
    const ephemeral = ephemeralKey.publicKey;
    ephemeralEphemeral = ephemeralKey.dh(handshake.remoteEphemeral);
    ephemeralStatic = ephemeralKey.dh(handshake.remoteStaticPublic);
    if (!ephemeralEphemeral || !ephemeralStatic) return false;
    // C := Kdf1(C, E_r_pub)
    state.mixChainingKey(ephemeral);
    // msg.ephemeral := E_r_pub; H := Hash(H || msg.ephemeral)
    state.mixHash(ephemeral);
    // C := Kdf1(C, DH(E_r_priv, E_i_pub))
    state.mixChainingKey(ephemeralEphemeral);
    // C := Kdf1(C, DH(E_r_priv, S_i_pub))
    state.mixChainingKey(ephemeralStatic);
    // (C, tau, key) := Kdf3(C, Q); H := Hash(H || tau)
    state.mixPresharedKey(handshake.presharedKey);
    // msg.empty := Aead(key, 0, nothing, H); H := Hash(H || msg.empty)
    const encryptedNothing = state.seal(NOTHING);
    const receiverIndex = handshake.remoteIndex;
    writeResponse(out, { senderIndex, receiverIndex, ephemeral, encryptedNothing });

    handshake.chainingKey.set(state.chainingKey);
    handshake.hash.set(state.hash);
    handshake.localIndex = senderIndex;
    handshake.state = 'response-created';
    return true;
  } finally {
    state.wipe();
    ephemeralKey?.destroy();
    wipe(ephemeralPrivate, ephemeralEphemeral, ephemeralStatic);
  }
}

/**
 * Consumes the response to our initiation. The receiver index is not checked here, because the
 * caller used it to find the handshake.
 *
 * @returns why the message must be dropped; then the handshake has not changed and still waits
 */
export function consumeResponse(
  crypto: CryptoProvider,
  identity: StaticIdentity,
  handshake: Handshake,
  message: Uint8Array,
): DropReason | undefined {
  if (handshake.state !== 'initiation-created') return 'unexpected-response';
  const response = readResponse(message);
  if (!response) return 'invalid-handshake';
  const { ephemeral } = response;
  const state = SymmetricState.resume(crypto, handshake);
  let ephemeralEphemeral: Uint8Array | undefined;
  let ephemeralStatic: Uint8Array | undefined;
  try {
    // DH(E_r_priv, E_i_pub) and DH(E_r_priv, S_i_pub), computed by the initiator
    ephemeralEphemeral = crypto.dh(handshake.ephemeralPrivate, ephemeral);
    ephemeralStatic = staticDh(crypto, identity, ephemeral);
    if (!ephemeralEphemeral || !ephemeralStatic) return 'invalid-handshake';
    // C := Kdf1(C, E_r_pub)
    state.mixChainingKey(ephemeral);
    // H := Hash(H || msg.ephemeral)
    state.mixHash(ephemeral);
    // C := Kdf1(C, DH(E_r_priv, E_i_pub))
    state.mixChainingKey(ephemeralEphemeral);
    // C := Kdf1(C, DH(E_r_priv, S_i_pub))
    state.mixChainingKey(ephemeralStatic);
    // (C, tau, key) := Kdf3(C, Q); H := Hash(H || tau)
    state.mixPresharedKey(handshake.presharedKey);
    // msg.empty = Aead(key, 0, nothing, H); H := Hash(H || msg.empty)
    if (!state.open(response.encryptedNothing)) return 'invalid-handshake';

    handshake.chainingKey.set(state.chainingKey);
    handshake.hash.set(state.hash);
    handshake.remoteIndex = response.senderIndex;
    handshake.state = 'response-consumed';
    return undefined;
  } finally {
    state.wipe();
    wipe(ephemeralEphemeral, ephemeralStatic);
  }
}

const NOTHING = new Uint8Array(0);
