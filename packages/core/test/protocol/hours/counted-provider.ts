/**
 * `CountedProvider`: a provider that counts the ciphers that are not destroyed. It fails if a
 * counter is not greater than the last counter that was used with the same key.
 *
 * @module
 */
import { toHex } from '@litz/testkit';
import type { Cipher, CryptoProvider } from '../../../src/index.ts';
import { wasmProvider } from '@litz/wasm';
import { toyProvider } from '../toy-provider.ts';

/** The last counter that was used with each key (in hexadecimal), by any node of a world. */
export type SealedCounters = Map<string, number>;

export class CountedProvider {
  /** Ciphers that were created and not destroyed. */
  live = 0;
  readonly provider: CryptoProvider;

  constructor(sealed: SealedCounters) {
    const toy = toyProvider(WASM);
    this.provider = {
      ...toy,
      createCipher: (key) => {
        this.live++;
        return new CountedCipher(toy.createCipher(key), toHex(key), sealed, () => this.live--);
      },
    };
  }
}

class CountedCipher implements Cipher {
  readonly #inner: Cipher;
  readonly #key: string;
  readonly #sealed: SealedCounters;
  readonly #onDestroy: () => void;
  #isDestroyed = false;

  constructor(inner: Cipher, key: string, sealed: SealedCounters, onDestroy: () => void) {
    this.#inner = inner;
    this.#key = key;
    this.#sealed = sealed;
    this.#onDestroy = onDestroy;
  }

  seal(counter: number, buffer: Uint8Array, offset: number, length: number): void {
    const last = this.#sealed.get(this.#key) ?? -1;
    if (counter <= last) throw new Error(`sealed with counter ${counter} after ${last}`);
    this.#sealed.set(this.#key, counter);
    this.#inner.seal(counter, buffer, offset, length);
  }

  open(counter: number, buffer: Uint8Array, offset: number, length: number): boolean {
    return this.#inner.open(counter, buffer, offset, length);
  }

  readKey(out: Uint8Array): void {
    this.#inner.readKey?.(out);
  }

  destroy(): void {
    if (!this.#isDestroyed) this.#onDestroy();
    this.#isDestroyed = true;
    this.#inner.destroy();
  }
}

const WASM: CryptoProvider = wasmProvider();
