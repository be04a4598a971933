/**
 * `codeSessions`: writes or reads the sessions of a peer as a part of a handed-over state: keys,
 * counters, replay windows, indices.
 *
 * If the crypto provider does not give the keys of a session back (`Cipher.readKey`), the session
 * is left out. The new process then begins with a handshake.
 *
 * @module
 */
import { KEY_LENGTH } from '../constants.ts';
import type { Cipher } from '../crypto/provider.ts';
import { secretBytes } from '../crypto/secret-bytes.ts';
import { wipe } from '../crypto/wipe.ts';
import type { EngineState } from '../engine-state.ts';
import { PublicKey } from '../keys.ts';
import { Keypair, type SessionStaticKeys } from '../peer/keypairs.ts';
import type { Peer } from '../peer/peer.ts';
import type { StateCodec } from './state-codec.ts';

/**
 * Writes or reads all sessions of a peer. The keys of the peer and our own keys must have been
 * written or read before.
 */
export function codeSessions(codec: StateCodec, state: EngineState, peer: Peer): void {
  const { keypairs } = peer;
  const code = (keypair: Keypair<Peer> | undefined): Keypair<Peer> | undefined =>
    codeKeypair(codec, state, peer, keypair);
  keypairs.current = code(keypairs.current);
  keypairs.previous = code(keypairs.previous);
  keypairs.next = code(keypairs.next);
  keypairs.retires = codec.flag(keypairs.retires);
  const count = codec.number(keypairs.retired.length);
  const retired: Keypair<Peer>[] = [];
  for (let i = 0; i < count; i++) {
    const keypair = code(keypairs.retired[i]);
    if (keypair) retired.push(keypair);
  }
  if (codec.isReading) keypairs.restoreRetired(retired);
}

function codeKeypair(
  codec: StateCodec,
  state: EngineState,
  peer: Peer,
  keypair: Keypair<Peer> | undefined,
): Keypair<Peer> | undefined {
  const isKept = keypair !== undefined && givesKeys(keypair);
  if (!codec.flag(isKept)) return codec.isReading ? undefined : keypair;
  const staticKeys = codeStaticKeys(codec, state, peer, keypair?.staticKeys);
  const isInitiator = codec.flag(keypair?.isInitiator ?? false);
  const localIndex = codec.number(keypair?.localIndex ?? 0);
  const remoteIndex = codec.number(keypair?.remoteIndex ?? 0);
  const createdAt = codec.number(keypair?.createdAt ?? 0);
  const sendCipher = codeCipher(codec, state, keypair?.sendCipher);
  const receiveCipher = codeCipher(codec, state, keypair?.receiveCipher);
  const { limits } = state;
  const coded =
    keypair ??
    new Keypair({
      peer,
      staticKeys,
      isInitiator,
      localIndex,
      remoteIndex,
      sendCipher,
      receiveCipher,
      limits,
      createdAt,
    });
  const sendCounter = codec.number(coded.sendCounter);
  coded.canSend = codec.flag(coded.canSend);
  coded.replayWindow.code(codec);
  if (!codec.isReading) return coded;
  coded.sendCounter = sendCounter + COUNTER_MARGIN;
  state.indices.assign(localIndex, coded);
  return coded;
}

function givesKeys({ sendCipher, receiveCipher }: Keypair<Peer>): boolean {
  return 'readKey' in sendCipher && 'readKey' in receiveCipher;
}

/**
 * Sessions refer to the key objects of the identities and of the peer, so reading returns these
 * objects.
 */
function codeStaticKeys(
  codec: StateCodec,
  state: EngineState,
  peer: Peer,
  keys: SessionStaticKeys | undefined,
): SessionStaticKeys {
  const own = keys?.own.slice() ?? new PublicKey();
  const theirs = keys?.peer.slice() ?? new PublicKey();
  codec.bytes(own);
  codec.bytes(theirs);
  const { identity, nextIdentity } = state;
  return {
    own: sameKey([identity?.publicKey, nextIdentity?.publicKey], own as PublicKey),
    peer: sameKey([peer.publicKey, peer.nextKey], theirs as PublicKey),
  };
}

/** Returns the object in `known` that has the bytes of `key`; `key` itself if there is none. */
function sameKey(known: readonly (PublicKey | undefined)[], key: PublicKey): PublicKey {
  return known.find((other) => other?.every((byte, i) => byte === key[i])) ?? key;
}

function codeCipher(codec: StateCodec, state: EngineState, cipher: Cipher | undefined): Cipher {
  const key = secretBytes(KEY_LENGTH);
  try {
    cipher?.readKey?.(key);
    codec.bytes(key);
    return cipher ?? state.crypto.createCipher(key);
  } finally {
    wipe(key);
  }
}

/**
 * The new process skips this many counters. The old process stops sending before it writes its
 * counters, so this is only a second safeguard. The number must be less than 1024, because some
 * implementations drop messages whose counter is 1024 or more behind the greatest one.
 */
export const COUNTER_MARGIN = 512;
