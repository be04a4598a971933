/**
 * `Owned`: records the objects of OpenSSL that a provider makes at its start, to free them in one
 * place.
 *
 * @module
 */
import type { LibCrypto } from './libcrypto.ts';

/** The functions that make objects, each with the function that frees them. */
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
type Freer = (pointer: number) => void;

export class Owned {
  /**
   * The library. Objects that are made through it until `settle` belong to this `Owned`, unless
   * they are freed before.
   */
  readonly crypto: LibCrypto;
  readonly #made: { readonly pointer: number; readonly free: Freer }[] = [];
  #isRecording = true;

  constructor(library: LibCrypto) {
    const crypto = { ...library, ...withDataPutBack(library) };
    const functions = Object.entries(MAKERS).flatMap(([maker, freer]) => {
      const make = crypto[maker as keyof typeof MAKERS] as Maker | undefined;
      const free = crypto[freer];
      if (!make || !free) return [];
      return [
        [maker, this.#recorded(make, free)],
        [freer, this.#crossedOut(free)],
      ];
    });
    this.crypto = { ...crypto, ...(Object.fromEntries(functions) as Partial<LibCrypto>) };
  }

  /** Ends the recording. Later objects must be freed by the code that makes them. */
  settle(): void {
    this.#isRecording = false;
  }

  /** Frees all recorded objects, the last one first. They must not be used afterwards. */
  free(): void {
    let made: { readonly pointer: number; readonly free: Freer } | undefined;
    while ((made = this.#made.pop())) made.free(made.pointer);
  }

  #recorded(make: Maker, free: Freer): Maker {
    return (...args) => {
      const pointer = make(...args);
      if (this.#isRecording && pointer !== 0) this.#made.push({ pointer, free });
      return pointer;
    };
  }

  #crossedOut(free: Freer): Freer {
    return (pointer) => {
      if (this.#isRecording) {
        const at = this.#made.findIndex((made) => made.pointer === pointer && made.free === free);
        if (at !== -1) this.#made.splice(at, 1);
      }
      free(pointer);
    };
  }
}

/**
 * Restores a context's own data before the context is freed, because OpenSSL would otherwise free
 * our memory.
 */
function withDataPutBack(crypto: LibCrypto): Partial<LibCrypto> {
  const { EVP_CIPHER_CTX_set_cipher_data, EVP_CIPHER_CTX_free } = crypto;
  if (!EVP_CIPHER_CTX_set_cipher_data) return {};
  const first = new Map<number, number>();
  const replace = (context: number, data: number): number => {
    const before = EVP_CIPHER_CTX_set_cipher_data(context, data);
    if (first.get(context) === data) first.delete(context);
    else if (!first.has(context)) first.set(context, before);
    return before;
  };
  return {
    EVP_CIPHER_CTX_set_cipher_data: replace,
    EVP_CIPHER_CTX_free(context) {
      const data = first.get(context);
      if (data !== undefined) replace(context, data);
      EVP_CIPHER_CTX_free(context);
    },
  };
}
