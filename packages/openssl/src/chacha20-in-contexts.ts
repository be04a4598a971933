/**
 * `chacha20InContexts`: ChaCha20 through the interface that every OpenSSL has. Each key has a
 * context, and each stream begins with a call.
 *
 * @module
 */
import { KEY_LENGTH } from '@litz/core/internals';
import { allocate } from '@litz/sys';
import { IV_LENGTH, type Chacha20 } from './chacha20.ts';
import type { LibCrypto } from './libcrypto.ts';
import { present } from './present.ts';
import { wordsOf } from './words.ts';

/** @throws {Error} this OpenSSL has no ChaCha20 */
export function chacha20InContexts(crypto: LibCrypto): Chacha20<number> {
  const { EVP_Cipher, EVP_EncryptInit, EVP_CIPHER_CTX_free } = crypto;
  const cipher = present(crypto.EVP_CIPHER_fetch(0, 'ChaCha20', null), 'ChaCha20');
  const { bytes, address } = allocate(KEY_LENGTH);
  const scratch = allocate(IV_LENGTH);
  const { address: ivAddress } = scratch;
  /** u32 number of the first block | u32 zero | u64 counter of the message. */
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
