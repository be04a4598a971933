/**
 * `hybridProvider`: combines two providers with the same primitives, and uses each where it is
 * faster.
 *
 * @module
 */
import { type Cipher, type CryptoProvider } from '@litz/core';
import { checkLength, dhKeyOf, KEY_LENGTH, sealRun, secretCopy } from '@litz/core/internals';

/**
 * Returns a provider that uses `long` for X25519 and for transport messages of more than
 * `shortLength` bytes. For these, a call into `long` costs little compared with the work. The
 * provider uses `short` for everything else, including hashes and the encrypted fields of
 * handshakes. Both produce the same bytes, so a session can use both. `long` gets the one-time
 * keys that `short` has computed.
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
 * A cipher of both providers. The cipher of `long` is made only for the first message that needs
 * it, because many keys only ever seal or open short messages.
 */
class HybridCipher implements Cipher {
  readonly #provider: CryptoProvider;
  readonly #short: Cipher;
  readonly #shortLength: number;
  /** The key, until `#long` is made; after that, and after `destroy`, all zero. */
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

  // oxlint-disable-next-line max-params -- the signature of `Cipher.sealRun`
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

  // oxlint-disable-next-line max-params -- the signature of `Cipher.sealRunLater`
  sealRunLater(
    counter: number,
    buffer: Uint8Array,
    offset: number,
    length: number,
    stride: number,
    count: number,
    receiver: number,
  ): boolean {
    if (length <= this.#shortLength) return false;
    const cipher = this.#cipherFor(length);
    return cipher.sealRunLater?.(counter, buffer, offset, length, stride, count, receiver) ?? false;
  }

  open(counter: number, buffer: Uint8Array, offset: number, length: number): boolean {
    return this.#cipherFor(length).open(counter, buffer, offset, length);
  }

  readKey(out: Uint8Array): void {
    // Read from `#short`, because `#key` is zero once `#long` is made.
    if (!this.#short.readKey) throw new TypeError('the provider does not give keys back');
    this.#short.readKey(out);
  }

  openLater(counter: number, buffer: Uint8Array, offset: number, length: number): void {
    if (length <= this.#shortLength) return;
    this.#cipherFor(length).openLater?.(counter, buffer, offset, length);
  }

  destroy(): void {
    this.#isDestroyed = true;
    this.#key.fill(0);
    // `#long` is destroyed first, because it may use memory of `#short`.
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
