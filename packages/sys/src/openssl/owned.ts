/**
 * `Owned`: what is made of OpenSSL's while a provider begins, so that it can be given back in one place.
 *
 * @module
 */
import type { LibCrypto } from './libcrypto.ts';

/** What makes an object, and what gives it back. */
const MAKERS = {
  EVP_CIPHER_fetch: 'EVP_CIPHER_free',
  EVP_CIPHER_meth_dup: 'EVP_CIPHER_meth_free',
  EVP_MAC_fetch: 'EVP_MAC_free',
  EVP_MD_fetch: 'EVP_MD_free',
  EVP_CIPHER_CTX_new: 'EVP_CIPHER_CTX_free',
  EVP_MAC_CTX_new: 'EVP_MAC_CTX_free',
  EVP_PKEY_CTX_new_from_name: 'EVP_PKEY_CTX_free',
  EVP_PKEY_new_raw_public_key_ex: 'EVP_PKEY_free',
} as const satisfies Partial<Record<keyof LibCrypto, keyof LibCrypto>>;

type Maker = (...args: unknown[]) => number;

export class Owned {
  /** The library; what is made with it belongs to us until `settle`. */
  readonly crypto: LibCrypto;
  readonly #frees: (() => void)[] = [];
  #isRecording = true;

  constructor(crypto: LibCrypto) {
    const makers = Object.entries(MAKERS).map(([maker, freer]) => {
      const make = crypto[maker as keyof typeof MAKERS] as Maker | undefined;
      const free = crypto[freer];
      return [maker, make && free && this.#recorded(make, free)];
    });
    this.crypto = { ...crypto, ...(Object.fromEntries(makers) as Partial<LibCrypto>) };
  }

  /** From here on, whoever makes something gives it back. */
  settle(): void {
    this.#isRecording = false;
  }

  /** Gives everything back, from the last to the first. It must not be used any more. */
  free(): void {
    let free: (() => void) | undefined;
    while ((free = this.#frees.pop())) free();
  }

  #recorded(make: Maker, free: (pointer: number) => void): Maker {
    return (...args) => {
      const pointer = make(...args);
      if (this.#isRecording && pointer !== 0) this.#frees.push(() => free(pointer));
      return pointer;
    };
  }
}
