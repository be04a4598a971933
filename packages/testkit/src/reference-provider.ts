/**
 * `referenceProvider`: a second provider, on node:crypto and the reference BLAKE2s. With it, the
 * conformance suite and the handshake are tested with more than one implementation, and fuzzing of
 * handshakes is fast (its X25519 takes a twentieth of noble's time).
 *
 * For tests only: it does not protect secrets, and it throws and catches an error for a wrong tag.
 *
 * @module
 */
import type { Cipher, CryptoProvider } from '@litz/core';
import {
  aead,
  aeadOpen,
  concat,
  dh,
  dhPublic,
  hash,
  hmac,
  mac,
  xaead,
  xaeadOpen,
} from './reference-primitives.ts';

export const referenceProvider: CryptoProvider = {
  name: 'reference',
  dh(privateKey, publicKey) {
    try {
      return dh(privateKey, publicKey);
    } catch {
      return undefined; // OpenSSL refuses an all-zero result
    }
  },
  dhPublicKey: (privateKey) => dhPublic(privateKey),
  hash(out, a, b = NOTHING) {
    out.set(hash(concat(a, b)));
  },
  mac(out, key, input) {
    out.set(mac(key, input));
  },
  hmac(out, key, a, b = NOTHING) {
    out.set(hmac(key, concat(a, b)));
  },
  aeadSeal: (key, counter, plain, auth) => aead(key, counter, plain, auth),
  aeadOpen: (key, counter, sealed, auth) => aeadOpen(key, counter, sealed, auth),
  xaeadSeal: (key, nonce, plain, auth) => xaead(key, nonce, plain, auth),
  xaeadOpen: (key, nonce, sealed, auth) => xaeadOpen(key, nonce, sealed, auth),
  createCipher: (key) => new ReferenceCipher(key),
};

class ReferenceCipher implements Cipher {
  readonly #key: Uint8Array;

  constructor(key: Uint8Array) {
    this.#key = key.slice();
  }

  seal(counter: number, buffer: Uint8Array, offset: number, length: number): void {
    const plain = buffer.slice(offset, offset + length);
    buffer.set(aead(this.#key, counter, plain, NOTHING), offset);
  }

  open(counter: number, buffer: Uint8Array, offset: number, length: number): boolean {
    const sealed = buffer.slice(offset, offset + length + TAG);
    const plain = aeadOpen(this.#key, counter, sealed, NOTHING);
    if (plain) buffer.set(plain, offset);
    return plain !== undefined;
  }

  destroy(): void {
    this.#key.fill(0);
  }
}

const TAG = 16;
const NOTHING = new Uint8Array(0);
