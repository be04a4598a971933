/**
 * `copyCipherProvider`: a provider with a cipher that does not encrypt. The cipher leaves the bytes
 * unchanged, and writes a tag that can be checked. It allocates nothing, so a measurement shows
 * only the engine.
 *
 * @module
 */
import type { Cipher, CryptoProvider } from '@litz/core';

/** Returns `base` with transport ciphers that do not encrypt. Handshakes do not change. */
export function copyCipherProvider(base: CryptoProvider): CryptoProvider {
  return {
    name: 'copy',
    dh: (privateKey, publicKey) => base.dh(privateKey, publicKey),
    dhPublicKey: (privateKey) => base.dhPublicKey(privateKey),
    hash: (out, a, b) => base.hash(out, a, b),
    mac: (out, key, input) => base.mac(out, key, input),
    hmac: (out, key, a, b) => base.hmac(out, key, a, b),
    aeadSeal: (key, counter, plain, auth) => base.aeadSeal(key, counter, plain, auth),
    aeadOpen: (key, counter, sealed, auth) => base.aeadOpen(key, counter, sealed, auth),
    xaeadSeal: (key, nonce, plain, auth) => base.xaeadSeal(key, nonce, plain, auth),
    xaeadOpen: (key, nonce, sealed, auth) => base.xaeadOpen(key, nonce, sealed, auth),
    createCipher: (key) => new CopyCipher(key),
  };
}

class CopyCipher implements Cipher {
  readonly #key: Uint8Array;

  constructor(key: Uint8Array) {
    this.#key = key.slice();
  }

  seal(counter: number, buffer: Uint8Array, offset: number, length: number): void {
    const tag = offset + length;
    for (let i = 0; i < TAG; i++) buffer[tag + i] = this.#tagByte(i, counter, length);
  }

  open(counter: number, buffer: Uint8Array, offset: number, length: number): boolean {
    const tag = offset + length;
    for (let i = 0; i < TAG; i++) {
      if (buffer[tag + i] !== this.#tagByte(i, counter, length)) return false;
    }
    return true;
  }

  destroy(): void {
    this.#key.fill(0);
  }

  #tagByte(i: number, counter: number, length: number): number {
    return ((this.#key[i] ?? 0) ^ (counter >>> (i & 7)) ^ length) & 0xff;
  }
}

const TAG = 16;
