/**
 * `StaticIdentity`: our own key pair, and what follows from it alone.
 *
 * There is one copy of the private key: ours, or, from its first use until `releaseKey`, the one that
 * the provider has made ready, if it can be read back from there.
 *
 * @module
 */
import { HASH_LENGTH } from '../constants.ts';
import type { CryptoProvider, DhKey } from '../crypto/provider.ts';
import { wipe } from '../crypto/wipe.ts';
import { PrivateKey, publicKeyOf, type PublicKey } from '../keys.ts';
import { LABEL_COOKIE, LABEL_MAC1 } from './labels.ts';

export interface StaticIdentity {
  /** All zero while `preparedKey` has it; `copyPrivateKey` knows where it is. */
  readonly privateKey: PrivateKey;
  readonly publicKey: PublicKey;
  /** Hash(LABEL_MAC1 || S_pub): the key of mac1 in messages to us. */
  readonly mac1Key: Uint8Array;
  /** Hash(LABEL_COOKIE || S_pub): the key of cookie replies that we send. */
  readonly cookieKey: Uint8Array;
  /** The private key made ready, from its first use until `releaseKey`; see `staticDh`. */
  preparedKey: DhKey | undefined;
}

/** `privateKey` becomes the identity's, also if this throws: then it is wiped. */
export function createStaticIdentity(
  crypto: CryptoProvider,
  privateKey: PrivateKey,
): StaticIdentity {
  try {
    const publicKey = publicKeyOf(privateKey, crypto);
    return {
      privateKey,
      publicKey,
      mac1Key: mac1KeyOf(crypto, publicKey),
      cookieKey: cookieKeyOf(crypto, publicKey),
      preparedKey: undefined,
    };
  } catch (error) {
    wipe(privateKey);
    throw error;
  }
}

/** DH(S_priv, public): 32 new bytes; undefined if the result is all zero. */
export function staticDh(
  crypto: CryptoProvider,
  identity: StaticIdentity,
  publicKey: Uint8Array,
): Uint8Array | undefined {
  if (!crypto.dhKey) return crypto.dh(identity.privateKey, publicKey);
  identity.preparedKey ??= prepare(crypto.dhKey(identity.privateKey), identity);
  return identity.preparedKey.dh(publicKey);
}

/** A new copy; whoever gets it wipes it. */
export function copyPrivateKey({ privateKey, preparedKey }: StaticIdentity): PrivateKey {
  const copy = new PrivateKey();
  if (preparedKey?.readPrivateKey) preparedKey.readPrivateKey(copy);
  else copy.set(privateKey);
  return copy;
}

/** Wipes what the provider holds of the private key; it is made ready again when it is needed. */
export function releaseKey(identity: StaticIdentity): void {
  identity.preparedKey?.readPrivateKey?.(identity.privateKey);
  identity.preparedKey?.destroy();
  identity.preparedKey = undefined;
}

/** Wipes the private key, wherever it is. The identity is not used afterwards. */
export function wipeIdentity(identity: StaticIdentity): void {
  identity.preparedKey?.destroy();
  identity.preparedKey = undefined;
  wipe(identity.privateKey);
}

/** Section 5.4.4: Hash(LABEL_MAC1 || S_m'_pub), of whoever receives the message. 32 new bytes. */
export function mac1KeyOf(crypto: CryptoProvider, receiver: PublicKey): Uint8Array {
  const key = new Uint8Array(HASH_LENGTH);
  crypto.hash(key, LABEL_MAC1, receiver);
  return key;
}

/** Section 5.4.7: Hash(LABEL_COOKIE || S_m_pub), of whoever sends the cookie reply. 32 new bytes. */
export function cookieKeyOf(crypto: CryptoProvider, replier: PublicKey): Uint8Array {
  const key = new Uint8Array(HASH_LENGTH);
  crypto.hash(key, LABEL_COOKIE, replier);
  return key;
}

/** What can be read back from there need not be kept twice. */
function prepare(key: DhKey, identity: StaticIdentity): DhKey {
  if (key.readPrivateKey) wipe(identity.privateKey);
  return key;
}
