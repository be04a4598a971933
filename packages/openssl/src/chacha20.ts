/**
 * `Chacha20`: OpenSSL's ChaCha20 with one key after the other.
 *
 * @module
 */
import { KEY_LENGTH } from '@litz/core/internals';
import { allocate } from '@litz/sys';
import { chacha20InMemory, IV_LENGTH } from './chacha20-in-memory.ts';
import type { LibCrypto } from './libcrypto.ts';
import { present } from './present.ts';
import { wordsOf } from './words.ts';

/** What is kept of a key: only the form that made it knows what it is. */
export type StreamKey = unknown;

/** One stream at a time is begun. */
export interface Chacha20<Key = StreamKey> {
  /** @param bytes 32, copied */
  createKey(bytes: Uint8Array): Key;
  /** @param counter of the message: the nonce is four zero bytes, and this as u64 (section 5.4.6) */
  begin(key: Key, counter: number, firstBlock: 0 | 1): void;
  /**
   * Goes on with the stream that was begun last: `length` bytes from one address to another, or to the
   * same. All but the last part of a stream are whole blocks of 64 bytes.
   *
   * @throws {Error} OpenSSL fails
   */
  crypt(key: Key, out: number, input: number, length: number): void;
  /** Wipes it. Once; then it is not to be used any more. */
  destroyKey(key: Key): void;
}

/**
 * The faster one of two where both are there. All that is made of OpenSSL's belongs to whoever made
 * `crypto`, but for what `destroyKey` gives back.
 *
 * @throws {Error} this OpenSSL has no ChaCha20
 */
export function createChacha20(crypto: LibCrypto): Chacha20 {
  return chacha20InMemory(crypto) ?? chacha20InContexts(crypto);
}

/** By the interface that every OpenSSL has: a key is a context, a stream begins with a call. */
function chacha20InContexts(crypto: LibCrypto): Chacha20<number> {
  const { EVP_Cipher, EVP_EncryptInit, EVP_CIPHER_CTX_free } = crypto;
  const cipher = present(crypto.EVP_CIPHER_fetch(0, 'ChaCha20', null), 'ChaCha20');
  const { bytes, address } = allocate(KEY_LENGTH);
  const scratch = allocate(IV_LENGTH);
  const { address: ivAddress } = scratch;
  /** u32 number of the first block | u32 zero | u64 message counter. */
  const iv = wordsOf(scratch.bytes);

  return {
    createKey(key) {
      const context = present(crypto.EVP_CIPHER_CTX_new(), 'a cipher context');
      bytes.set(key);
      const done = crypto.EVP_CipherInit_ex(context, cipher, 0, address, 0, 1);
      bytes.fill(0);
      if (done === 1) return context;
      EVP_CIPHER_CTX_free(context);
      throw new Error('OpenSSL refused a ChaCha20 key');
    },

    begin(context, counter, firstBlock) {
      iv[0] = firstBlock;
      iv[2] = counter;
      iv[3] = counter / 2 ** 32;
      const done = EVP_EncryptInit(context, 0, 0, ivAddress);
      if (done !== 1) throw new Error('ChaCha20 failed to begin');
    },

    crypt(context, out, input, length) {
      if (EVP_Cipher(context, out, input, length) !== length) throw new Error('ChaCha20 failed');
    },

    destroyKey: (context) => EVP_CIPHER_CTX_free(context),
  };
}
