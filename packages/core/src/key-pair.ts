/**
 * `generateKeyPair` and `publicKeyOf`: a private key and its public key (DH-Generate).
 *
 * @module
 */
import type { CryptoProvider } from './crypto/provider.ts';
import { nobleProvider } from './crypto/noble.ts';
import { WireGuardError } from './errors.ts';
import { checkObject } from './field.ts';
import { wipe } from './crypto/wipe.ts';
import {
  generatePrivateKey,
  parsePrivateKey,
  parsePublicKey,
  type PrivateKey,
  type PublicKey,
} from './keys.ts';

/** A private key and its public key. */
export interface KeyPair {
  readonly privateKey: PrivateKey;
  readonly publicKey: PublicKey;
}

/** Options of `generateKeyPair`. */
export interface KeyPairOptions {
  /** Fills its argument with random bytes. Default: `crypto.getRandomValues` of the runtime. */
  readonly randomBytes?: (out: Uint8Array) => void;
  /** Computes the public key. Default: noble. */
  readonly crypto?: CryptoProvider;
}

/**
 * Returns a new key pair. The caller should wipe the private key after use: `privateKey.fill(0)`.
 *
 * @example
 *
 * ```ts
 * import { generateKeyPair } from '@litz/core';
 *
 * const { privateKey, publicKey } = generateKeyPair();
 * console.log(publicKey.toBase64().length); //=> 44
 * privateKey.fill(0);
 * ```
 *
 * @throws {WireGuardError} `ERR_LITZ_UNSUPPORTED_PLATFORM`: the runtime has no `crypto`, and
 *   `randomBytes` was not given
 */
export function generateKeyPair(options: KeyPairOptions = {}): KeyPair {
  checkObject(options, 'options', ['randomBytes', 'crypto']);
  const { randomBytes = runtimeRandomBytes, crypto = nobleProvider } = options;
  const privateKey = generatePrivateKey(randomBytes);
  return { privateKey, publicKey: publicKeyOf(privateKey, crypto) };
}

/**
 * Computes the public key of a private key, which is text or bytes (the second half of
 * DH-Generate).
 *
 * @throws {TypeError} `privateKey` is neither a string nor a Uint8Array, or is a key of another
 *   kind
 * @throws {WireGuardError} `ERR_LITZ_INVALID_KEY`: wrong length, wrong characters, or all zeros
 */
export function publicKeyOf(privateKey: string | PrivateKey, crypto: CryptoProvider): PublicKey {
  const key = parsePrivateKey(privateKey);
  try {
    return parsePublicKey(crypto.dhPublicKey(key));
  } finally {
    wipe(key);
  }
}

function runtimeRandomBytes(out: Uint8Array): void {
  const { crypto } = globalThis as { crypto?: { getRandomValues?: (out: Uint8Array) => void } };
  if (typeof crypto?.getRandomValues === 'function') return crypto.getRandomValues(out);
  throw new WireGuardError(
    'ERR_LITZ_UNSUPPORTED_PLATFORM',
    '"randomBytes" expected a function: this runtime has no crypto.getRandomValues',
  );
}
