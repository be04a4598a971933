/**
 * `generateKeyPair`: creates a private key and its public key (DH-Generate).
 *
 * @module
 */
import type { CryptoProvider } from './crypto/provider.ts';
import { nobleProvider } from './crypto/noble.ts';
import { WireGuardError } from './errors.ts';
import { checkObject } from './field.ts';
import { generatePrivateKey, publicKeyOf, type PrivateKey, type PublicKey } from './keys.ts';

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
 * Returns a new key pair. The caller should wipe the private key after use.
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

function runtimeRandomBytes(out: Uint8Array): void {
  const { crypto } = globalThis as { crypto?: { getRandomValues?: (out: Uint8Array) => void } };
  if (typeof crypto?.getRandomValues === 'function') return crypto.getRandomValues(out);
  throw new WireGuardError(
    'ERR_LITZ_UNSUPPORTED_PLATFORM',
    '"randomBytes" expected a function: this runtime has no crypto.getRandomValues',
  );
}
