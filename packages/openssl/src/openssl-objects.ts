/**
 * `OpensslObjects`: records the objects of OpenSSL that a provider makes at its start, to free them
 * in one place.
 *
 * @module
 */
import type { LibCrypto } from './libcrypto.ts';

export class OpensslObjects {
  /**
   * The library's functions. Until `stopRecording` is called, each object that these functions make
   * is recorded, and each object that they free is removed from the record.
   */
  readonly crypto: LibCrypto;
  readonly #made: MadeObject[] = [];
  #isRecording = true;

  constructor(crypto: LibCrypto) {
    const functions = Object.entries(MAKERS).flatMap(([maker, freer]) => {
      const make = crypto[maker as keyof typeof MAKERS] as Maker;
      const free = crypto[freer];
      return [
        [maker, this.#recording(make, free)],
        [freer, this.#forgetting(free)],
      ];
    });
    this.crypto = { ...crypto, ...(Object.fromEntries(functions) as Partial<LibCrypto>) };
  }

  /** Ends the recording. Later objects must be freed by the code that makes them. */
  stopRecording(): void {
    this.#isRecording = false;
  }

  /** Frees all recorded objects, the last object first. They must not be used afterwards. */
  free(): void {
    let made: MadeObject | undefined;
    while ((made = this.#made.pop())) made.free(made.pointer);
  }

  /** Returns the same function, which also records the object that it makes. */
  #recording(make: Maker, free: Freer): Maker {
    return (...args) => {
      const pointer = make(...args);
      if (this.#isRecording && pointer !== 0) this.#made.push({ pointer, free });
      return pointer;
    };
  }

  /** Returns the same function, which also removes the object from `#made`. */
  #forgetting(free: Freer): Freer {
    return (pointer) => {
      if (this.#isRecording) {
        const at = this.#made.findIndex((made) => made.pointer === pointer && made.free === free);
        if (at !== -1) this.#made.splice(at, 1);
      }
      free(pointer);
    };
  }
}

interface MadeObject {
  readonly pointer: number;
  readonly free: Freer;
}

type Maker = (...args: unknown[]) => number;
type Freer = (pointer: number) => void;

/** The functions that make objects, each with the function that frees them. */
const MAKERS = {
  EVP_CIPHER_fetch: 'EVP_CIPHER_free',
  EVP_MAC_fetch: 'EVP_MAC_free',
  EVP_MD_fetch: 'EVP_MD_free',
  EVP_CIPHER_CTX_new: 'EVP_CIPHER_CTX_free',
  EVP_MAC_CTX_new: 'EVP_MAC_CTX_free',
  EVP_PKEY_CTX_new_from_name: 'EVP_PKEY_CTX_free',
  EVP_PKEY_new_raw_public_key_ex: 'EVP_PKEY_free',
} as const satisfies Partial<Record<keyof LibCrypto, keyof LibCrypto>>;
