/**
 * Crypto providers for measuring garbage. The thread of a device imports them by the names of their
 * exports.
 *
 * @module
 */
import { nobleProvider, type Cipher, type CryptoProvider } from '@litz/core';
import { copyCipherProvider } from '@litz/testkit';

/** A provider whose transport ciphers allocate nothing. */
export const copying: CryptoProvider = copyCipherProvider(nobleProvider);

/** A provider that allocates one small object per packet, to test that the benchmark detects it. */
export const littering: CryptoProvider = {
  ...copying,
  createCipher: (key) => new LitteringCipher(copying.createCipher(key)),
};

export type ProviderName = 'copying' | 'littering';

class LitteringCipher implements Cipher {
  /** The last object. Without a reference to it, V8 would not allocate the object. */
  litter: object = {};
  readonly #cipher: Cipher;

  constructor(cipher: Cipher) {
    this.#cipher = cipher;
  }

  seal(counter: number, buffer: Uint8Array, offset: number, length: number): void {
    this.litter = { counter };
    this.#cipher.seal(counter, buffer, offset, length);
  }

  open(counter: number, buffer: Uint8Array, offset: number, length: number): boolean {
    this.litter = { counter };
    return this.#cipher.open(counter, buffer, offset, length);
  }

  destroy(): void {
    this.#cipher.destroy();
  }
}
