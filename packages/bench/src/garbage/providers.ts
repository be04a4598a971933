/**
 * Providers for measuring garbage, by the names of their exports: a device's thread imports them.
 *
 * @module
 */
import { nobleProvider, type Cipher, type CryptoProvider } from '@litz/core';
import { copyCipherProvider } from '@litz/testkit';

/** Transport ciphers that allocate nothing. */
export const copying: CryptoProvider = copyCipherProvider(nobleProvider);

/** Makes one small object per packet, to see that it is seen. */
export const littering: CryptoProvider = {
  ...copying,
  createCipher: (key) => new LitteringCipher(copying.createCipher(key)),
};

export type ProviderName = 'copying' | 'littering';

class LitteringCipher implements Cipher {
  /** Holds the last object: one that nobody sees would not be made. */
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
