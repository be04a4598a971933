/**
 * `Chacha20`: OpenSSL's ChaCha20 with several keys. Each key has its own context in OpenSSL, and
 * each stream begins with a call of `begin`.
 *
 * @module
 */
import { KEY_LENGTH } from '@litz/core/internals';
import { allocate } from '@litz/sys';
import type { LibCrypto } from './libcrypto.ts';
import { requirePointer } from './require-pointer.ts';
import { wordsOf } from './words.ts';

/** ChaCha20 with several keys. Only one stream is in progress at a time. */
export interface Chacha20 {
  /** Makes a context with a key, which has 32 bytes. The bytes are copied. */
  createKey(bytes: Uint8Array): StreamKey;
  /**
   * Begins a stream.
   *
   * @param counter the counter of the message; the nonce is four zero bytes and this number as u64
   *   (section 5.4.6 of the WireGuard paper)
   */
  begin(key: StreamKey, counter: number, firstBlock: 0 | 1): void;
  /**
   * Continues the last stream: encrypts `length` bytes from the address `input` to the address
   * `out`, which may be the same. All parts of a stream except the last must be whole blocks of 64
   * bytes.
   *
   * @throws {Error} OpenSSL failed
   */
  crypt(key: StreamKey, out: number, input: number, length: number): void;
  /** Wipes and frees a key. Call this only once; the key must not be used afterwards. */
  destroyKey(key: StreamKey): void;
}

/** The address of a context (EVP_CIPHER_CTX) that contains the key. */
export type StreamKey = number;

/**
 * Makes the functions for a thread. The OpenSSL objects of these functions belong to the owner of
 * `crypto`, except keys, which `destroyKey` frees.
 *
 * @throws {Error} this OpenSSL has no ChaCha20
 */
export function createChacha20(crypto: LibCrypto): Chacha20 {
  const { EVP_Cipher, EVP_EncryptInit, EVP_CIPHER_CTX_free } = crypto;
  const cipher = requirePointer(crypto.EVP_CIPHER_fetch(0, 'ChaCha20', null), 'ChaCha20');
  const { bytes, address } = allocate(KEY_LENGTH);
  const scratch = allocate(IV_LENGTH);
  const { address: ivAddress } = scratch;
  /** u32 number of the first block | u32 zero | u64 counter of the message. */
  const iv = wordsOf(scratch.bytes);

  return {
    createKey(key) {
      const context = requirePointer(crypto.EVP_CIPHER_CTX_new(), 'a cipher context');
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

/** Length in bytes of the initial vector: the number of the first block, and the nonce. */
const IV_LENGTH = 16;
