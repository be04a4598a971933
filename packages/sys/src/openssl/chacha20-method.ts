/**
 * `Chacha20Method`: OpenSSL's ChaCha20, the faster one of two where both are there and work.
 *
 * OpenSSL 3 asks a provider for the length of the vector each time a stream begins, which is 1 in 30 of a
 * full packet's time; a copy of the built-in method has no provider around it and is asked nothing.
 * Nothing in OpenSSL's interface promises that a copy can be used, so it is tried once.
 *
 * @module
 */
import { allocate } from '../memory.ts';
import type { LibCrypto } from './libcrypto.ts';
import { present } from './present.ts';

export interface Chacha20Method {
  /** The `EVP_CIPHER`, which whoever made `crypto` gives back. */
  readonly cipher: number;
  /** What `EVP_Cipher` returns for so many bytes. */
  readonly isCopied: boolean;
}

/** @throws {Error} this OpenSSL has no ChaCha20 */
export function chooseChacha20(crypto: LibCrypto): Chacha20Method {
  const fetched = present(crypto.EVP_CIPHER_fetch(0, 'ChaCha20', null), 'ChaCha20');
  const { EVP_CIPHER_meth_dup, EVP_CIPHER_meth_free } = crypto;
  if (!EVP_CIPHER_meth_dup || !EVP_CIPHER_meth_free) return { cipher: fetched, isCopied: false };
  const copied = EVP_CIPHER_meth_dup(crypto.EVP_chacha20());
  if (copied === 0) return { cipher: fetched, isCopied: false };
  if (works(crypto, copied)) return { cipher: copied, isCopied: true };
  EVP_CIPHER_meth_free(copied);
  crypto.ERR_clear_error();
  return { cipher: fetched, isCopied: false };
}

/** A key, a vector and a block, one after the other as for a message. */
function works(crypto: LibCrypto, copied: number): boolean {
  const { bytes, address } = allocate(KEY_LENGTH + IV_LENGTH + BLOCK_LENGTH);
  const [iv, block] = [address + KEY_LENGTH, address + KEY_LENGTH + IV_LENGTH];
  bytes[KEY_LENGTH + IV_LENGTH - 1] = 2;
  const context = present(crypto.EVP_CIPHER_CTX_new(), 'a cipher context');
  const isDone =
    crypto.EVP_CipherInit_ex(context, copied, 0, address, 0, 1) === 1 &&
    crypto.EVP_EncryptInit(context, 0, 0, iv) === 1 &&
    crypto.EVP_Cipher(context, block, block, BLOCK_LENGTH) === 1;
  crypto.EVP_CIPHER_CTX_free(context);
  const answer = Buffer.from(bytes.subarray(KEY_LENGTH + IV_LENGTH)).toString('hex');
  return isDone && answer === KEY_STREAM;
}

const KEY_LENGTH = 32;
const IV_LENGTH = 16;
const BLOCK_LENGTH = 64;
/** RFC 8439 appendix A.1, test vector 5: block 0 of the key 0 and the nonce 2. */
const KEY_STREAM: string =
  'c2c64d378cd536374ae204b9ef933fcd1a8b2288b3dfa49672ab765b54ee27c7' +
  '8a970e0e955c14f3a88e741b97c286f75f8fc299e8148362fa198a39531bed6d';
