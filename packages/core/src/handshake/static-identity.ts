/**
 * `StaticIdentity`: our own static key pair, and values that depend only on it. Section numbers
 * refer to the WireGuard paper.
 *
 * At first, the private key is in `privateKey` only. A crypto provider may prepare the key at its
 * first use. If the private key can be read back from the prepared key, `privateKey` is wiped, so
 * that the key is in one place only. `releaseKey` writes the key back into `privateKey`.
 *
 * @module
 */
import { HASH_LENGTH } from '../constants.ts';
import type { CryptoProvider, DhKey } from '../crypto/provider.ts';
import { wipe } from '../crypto/wipe.ts';
import { publicKeyOf } from '../key-pair.ts';
import { PrivateKey, type PublicKey } from '../keys.ts';
import { LABEL_COOKIE, LABEL_MAC1 } from './labels.ts';

/** Our own key pair. Call `wipeIdentity` when it is no longer needed. */
export interface StaticIdentity {
  /**
   * All zeros while the private key is only in `preparedKey`. Use `copyPrivateKey` to read the key.
   */
  readonly privateKey: PrivateKey;
  readonly publicKey: PublicKey;
  /** Hash(LABEL_MAC1 || S_pub): the key for mac1 in messages to us. */
  readonly mac1Key: Uint8Array;
  /** Hash(LABEL_COOKIE || S_pub): the key for the cookie replies that we send. */
  readonly cookieKey: Uint8Array;
  /**
   * The provider's prepared form of the private key, from its first use until `releaseKey`; see
   * `staticDh`.
   */
  preparedKey: DhKey | undefined;
}

/**
 * Creates an identity. `privateKey` is kept by reference and belongs to the identity. If this
 * function throws, it wipes `privateKey`.
 */
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

/** Computes DH(S_priv, public). Returns 32 new bytes; undefined if the result is all zeros. */
export function staticDh(
  crypto: CryptoProvider,
  identity: StaticIdentity,
  publicKey: Uint8Array,
): Uint8Array | undefined {
  if (!crypto.dhKey) return crypto.dh(identity.privateKey, publicKey);
  identity.preparedKey ??= prepare(crypto.dhKey(identity.privateKey), identity);
  return identity.preparedKey.dh(publicKey);
}

/** Returns a new copy of the private key, which the caller must wipe. */
export function copyPrivateKey({ privateKey, preparedKey }: StaticIdentity): PrivateKey {
  const copy = new PrivateKey();
  if (preparedKey?.readPrivateKey) preparedKey.readPrivateKey(copy);
  else copy.set(privateKey);
  return copy;
}

/** Wipes the provider's copy of the private key. The key is prepared again when it is needed. */
export function releaseKey(identity: StaticIdentity): void {
  identity.preparedKey?.readPrivateKey?.(identity.privateKey);
  identity.preparedKey?.destroy();
  identity.preparedKey = undefined;
}

/** Wipes the private key and the provider's copy of it. The identity is not used afterwards. */
export function wipeIdentity(identity: StaticIdentity): void {
  identity.preparedKey?.destroy();
  identity.preparedKey = undefined;
  wipe(identity.privateKey);
}

/**
 * Section 5.4.4: returns Hash(LABEL_MAC1 || S_m'_pub), with the public key of the receiver, as 32
 * new bytes.
 */
export function mac1KeyOf(crypto: CryptoProvider, receiver: PublicKey): Uint8Array {
  const key = new Uint8Array(HASH_LENGTH);
  crypto.hash(key, LABEL_MAC1, receiver);
  return key;
}

/**
 * Section 5.4.7: returns Hash(LABEL_COOKIE || S_m_pub), with the public key of the sender of the
 * cookie reply, as 32 new bytes.
 */
export function cookieKeyOf(crypto: CryptoProvider, replier: PublicKey): Uint8Array {
  const key = new Uint8Array(HASH_LENGTH);
  crypto.hash(key, LABEL_COOKIE, replier);
  return key;
}

/** If the key can be read back from the provider, our own copy is wiped. */
function prepare(key: DhKey, identity: StaticIdentity): DhKey {
  if (key.readPrivateKey) wipe(identity.privateKey);
  return key;
}
