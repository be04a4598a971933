/**
 * `withKeyLog`: shows an observer the secrets of the handshakes that we take part in.
 *
 * @module
 */
import { KEY_LENGTH } from '../constants.ts';
import { wipe } from '../crypto/wipe.ts';
import type { EngineState } from '../engine-state.ts';
import { copyPrivateKey } from '../handshake/static-identity.ts';
import { generatePrivateKey } from '../keys.ts';
import type { Peer } from '../peer/peer.ts';
import type { StaticPair } from '../peer/static-pair.ts';

/**
 * Calls `create`, which makes a handshake message. `create` must take the random bytes of the
 * ephemeral key from the function that it gets. If the observer wants secrets, it gets the secrets
 * of this message.
 *
 * @returns what `create` returns: whether the message was made
 */
export function withKeyLog(
  state: EngineState,
  { peer, identity, remoteKey }: StaticPair<Peer>,
  create: (randomBytes: (out: Uint8Array) => void) => boolean,
): boolean {
  const { observer, randomBytes } = state;
  if (!observer?.handshakeSecrets) return create(randomBytes);
  const random = new Uint8Array(KEY_LENGTH);
  const isCreated = create((out) => {
    randomBytes(out);
    random.set(out);
  });
  const staticPrivate = copyPrivateKey(identity);
  const ephemeralPrivate = generatePrivateKey((out) => out.set(random));
  try {
    if (!isCreated) return false;
    const { publicKey, presharedKey } = peer;
    const remoteStaticPublic = remoteKey;
    observer.handshakeSecrets({
      staticPrivate,
      peer: publicKey,
      remoteStaticPublic,
      ephemeralPrivate,
      presharedKey,
    });
    return true;
  } finally {
    wipe(random, staticPrivate, ephemeralPrivate);
  }
}
