/**
 * `hybridProvider`: two providers of the same primitives, each for what it is faster with.
 *
 * @module
 */
import { type Cipher, type CryptoProvider } from '@litz/core';
import { checkLength, dhKeyOf, KEY_LENGTH, sealRun, secretCopy } from '@litz/core/internals';

/**
 * X25519 and transport messages of more than `shortLength` bytes are `long`'s: there it takes more time
 * than the calls do. All the rest is `short`'s, hashes and the sealed fields of handshakes among it.
 * They make the same bytes, so a session may use both. What `short` has of one-time keys is lent to
 * `long`.
 */
export function hybridProvider(
  long: CryptoProvider,
  short: CryptoProvider,
  shortLength: number,
): CryptoProvider {
  return {
    ...short,
    dh: (privateKey, publicKey) => long.dh(privateKey, publicKey),
    dhPublicKey: (privateKey) => long.dhPublicKey(privateKey),
    dhKey: (privateKey) => dhKeyOf(long, privateKey),
    name: `${long.name}+${short.name}`,
    destroy() {
      long.destroy?.();
      short.destroy?.();
    },
    createCipher: (key) => new HybridCipher(long, short.createCipher(key), shortLength, key),
  };
}

/**
 * `long`'s cipher is made with the first message that is for it: half of all sessions, those that the
 * other side begins and those that carry little, see none.
 */
class HybridCipher implements Cipher {
  readonly #provider: CryptoProvider;
  readonly #short: Cipher;
  readonly #shortLength: number;
  /** Until `#long` has it; then, and in the end, all zero. */
  readonly #key: Uint8Array;
  #long: Cipher | undefined = undefined;
  #isDestroyed = false;

  /** @param key copied */
  constructor(provider: CryptoProvider, short: Cipher, shortLength: number, key: Uint8Array) {
    checkLength('key', key, KEY_LENGTH);
    this.#provider = provider;
    this.#short = short;
    this.#shortLength = shortLength;
    this.#key = secretCopy(key);
  }

  seal(counter: number, buffer: Uint8Array, offset: number, length: number): void {
    this.#cipherFor(length).seal(counter, buffer, offset, length);
  }

  sealRun(
    counter: number,
    buffer: Uint8Array,
    offset: number,
    length: number,
    stride: number,
    count: number,
  ): void {
    sealRun(this.#cipherFor(length), counter, buffer, offset, length, stride, count);
  }

  open(counter: number, buffer: Uint8Array, offset: number, length: number): boolean {
    return this.#cipherFor(length).open(counter, buffer, offset, length);
  }

  destroy(): void {
    this.#isDestroyed = true;
    this.#key.fill(0);
    // First the one that may hold what the other lent it.
    this.#long?.destroy();
    this.#short.destroy();
  }

  #cipherFor(length: number): Cipher {
    return length <= this.#shortLength ? this.#short : (this.#long ?? this.#createLong());
  }

  #createLong(): Cipher {
    if (this.#isDestroyed) throw new TypeError('the cipher was destroyed');
    this.#long = this.#provider.createCipher(this.#key, this.#short.oneTimeKeys);
    this.#key.fill(0);
    return this.#long;
  }
}
