/**
 * `Aead`: ChaCha20-Poly1305 with associated data and a new key for each message, for handshakes and
 * cookie replies. Also HChaCha20, for XChaCha20.
 *
 * @module
 */
import { checkLength } from '@litz/core/internals';
import { allocate, type Region } from '@litz/sys';
import type { LibCrypto } from './libcrypto.ts';
import { requirePointer } from './require-pointer.ts';

export class Aead {
  readonly #crypto: LibCrypto;
  readonly #aead: number;
  readonly #chacha20: number;
  readonly #context: number;
  /**
   * Contains key, nonce and the length of a result, then the text with its tag, then the associated
   * data. It is replaced by a larger region when needed.
   */
  #scratch: Region = allocate(1024);

  /** @throws {Error} this OpenSSL has no ChaCha20-Poly1305 */
  constructor(crypto: LibCrypto) {
    this.#crypto = crypto;
    const fetch = (name: string): number =>
      requirePointer(crypto.EVP_CIPHER_fetch(0, name, null), 'ChaCha20-Poly1305');
    this.#aead = fetch('ChaCha20-Poly1305');
    this.#chacha20 = fetch('ChaCha20');
    this.#context = requirePointer(crypto.EVP_CIPHER_CTX_new(), 'ChaCha20-Poly1305');
  }

  /** Returns the ciphertext with its tag. The nonce has 12 bytes. */
  seal(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, auth: Uint8Array): Uint8Array {
    const { length } = plain;
    try {
      const { bytes, address } = this.#begin(key, nonce, plain, auth);
      const tag = address + TEXT + length;
      const done =
        this.#finish() &&
        this.#crypto.EVP_CIPHER_CTX_ctrl(this.#context, EVP_CTRL_AEAD_GET_TAG, 16, tag) === 1;
      if (!done) throw new Error('OpenSSL failed to seal');
      return bytes.slice(TEXT, TEXT + length + 16);
    } finally {
      this.#forget();
    }
  }

  /** Returns the plaintext; undefined if the tag is wrong or missing. */
  open(
    key: Uint8Array,
    nonce: Uint8Array,
    sealed: Uint8Array,
    auth: Uint8Array,
  ): Uint8Array | undefined {
    const length = sealed.length - 16;
    if (length < 0) return undefined;
    const tag = sealed.subarray(length);
    try {
      const { bytes } = this.#begin(key, nonce, sealed.subarray(0, length), auth, tag);
      if (this.#finish()) return bytes.slice(TEXT, TEXT + length);
      this.#crypto.ERR_clear_error();
      return undefined;
    } finally {
      this.#forget();
    }
  }

  /**
   * HChaCha20 (draft-irtf-cfrg-xchacha-03, section 2.2): returns the key that is used with the last
   * 8 bytes of the nonce. OpenSSL has no function for HChaCha20. But a block of ChaCha20 is the
   * final state of HChaCha20 plus the initial state, word by word. So the initial state is
   * subtracted from a block.
   *
   * @param nonce the first 16 of the 24 bytes of the nonce of XChaCha20
   */
  subkey(key: Uint8Array, nonce: Uint8Array): Uint8Array {
    const { bytes, view, address } = this.#scratch;
    checkLength('key', key, 32);
    checkLength('nonce', nonce, 16);
    try {
      bytes.set(key, KEY);
      bytes.set(nonce, NONCE);
      bytes.fill(0, TEXT, TEXT + 64);
      const text = address + TEXT;
      const crypto = this.#crypto;
      const context = this.#context;
      const done =
        crypto.EVP_CipherInit_ex(context, this.#chacha20, 0, address, address + NONCE, 1) === 1 &&
        crypto.EVP_Cipher(context, text, text, 64) === 64;
      if (!done) throw new Error('OpenSSL failed to compute HChaCha20');
      const subkey = new Uint8Array(32);
      const words = new DataView(subkey.buffer);
      for (let i = 0; i < 4; i++) {
        const first = view.getUint32(TEXT + 4 * i, true) - SIGMA[i]!;
        const last = view.getUint32(TEXT + 48 + 4 * i, true) - view.getUint32(NONCE + 4 * i, true);
        words.setUint32(4 * i, first, true);
        words.setUint32(16 + 4 * i, last, true);
      }
      return subkey;
    } finally {
      this.#forget();
    }
  }

  /**
   * Copies everything into the scratch memory, and encrypts or decrypts. `#finish` must follow for
   * the tag.
   *
   * @param tag the expected tag, to decrypt; undefined to encrypt
   */
  #begin(
    key: Uint8Array,
    nonce: Uint8Array,
    text: Uint8Array,
    auth: Uint8Array,
    tag?: Uint8Array,
  ): Region {
    checkLength('key', key, 32);
    checkLength('nonce', nonce, 12);
    const authAt = TEXT + text.length + 16;
    const region = this.#reserve(authAt + auth.length);
    const { bytes, address } = region;
    bytes.set(key, KEY);
    bytes.set(nonce, NONCE);
    bytes.set(text, TEXT);
    if (tag) bytes.set(tag, TEXT + text.length);
    bytes.set(auth, authAt);
    const crypto = this.#crypto;
    const context = this.#context;
    const [at, out] = [address + TEXT, address + LENGTH];
    const encrypt = tag ? 0 : 1;
    const done =
      crypto.EVP_CipherInit_ex(context, this.#aead, 0, address, address + NONCE, encrypt) === 1 &&
      (!tag ||
        crypto.EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, 16, at + text.length) === 1) &&
      crypto.EVP_CipherUpdate(context, 0, out, address + authAt, auth.length) === 1 &&
      (text.length === 0 || crypto.EVP_CipherUpdate(context, at, out, at, text.length) === 1);
    if (!done) throw new Error('OpenSSL failed to begin ChaCha20-Poly1305');
    return region;
  }

  #finish(): boolean {
    const { address } = this.#scratch;
    // This writes no text: ChaCha20 is a stream cipher, so `#begin` has written the whole text.
    return (
      this.#crypto.EVP_CipherFinal_ex(this.#context, address + LENGTH + 4, address + LENGTH) === 1
    );
  }

  /** Wipes the key, which is in the context and in the scratch memory. */
  #forget(): void {
    this.#crypto.EVP_CIPHER_CTX_reset(this.#context);
    this.#scratch.bytes.fill(0);
  }

  #reserve(length: number): Region {
    if (this.#scratch.bytes.length < length) {
      this.#scratch = allocate(2 ** Math.ceil(Math.log2(length)));
    }
    return this.#scratch;
  }
}

const EVP_CTRL_AEAD_GET_TAG = 0x10;
const EVP_CTRL_AEAD_SET_TAG = 0x11;
/** The constant 'expand 32-byte k', as four words. */
const SIGMA: readonly number[] = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574];
// Offsets in the scratch memory.
const KEY = 0;
const NONCE = 32;
const LENGTH = 48;
const TEXT = 64;
