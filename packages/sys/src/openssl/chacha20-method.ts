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
  /** `EVP_Cipher` returns 1 when all went well, not the number of bytes. */
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

/** Two messages of one key: a block of the first, two of the second, each in a call of its own. */
function works(crypto: LibCrypto, copied: number): boolean {
  const { bytes, address } = allocate(KEY_LENGTH + IV_LENGTH + 3 * BLOCK_LENGTH);
  const [iv, blocks] = [address + KEY_LENGTH, address + KEY_LENGTH + IV_LENGTH];
  const context = present(crypto.EVP_CIPHER_CTX_new(), 'a cipher context');
  const begin = (nonce: number): boolean => {
    bytes[KEY_LENGTH + IV_LENGTH - 1] = nonce;
    return crypto.EVP_EncryptInit(context, 0, 0, iv) === 1;
  };
  const crypt = (index: number): boolean => {
    const block = blocks + index * BLOCK_LENGTH;
    return crypto.EVP_Cipher(context, block, block, BLOCK_LENGTH) === 1;
  };
  const isKeyed = crypto.EVP_CipherInit_ex(context, copied, 0, address, 0, 1) === 1;
  const isDone = isKeyed && begin(2) && crypt(0) && begin(0) && crypt(1) && crypt(2);
  crypto.EVP_CIPHER_CTX_free(context);
  const answer = Buffer.from(bytes.subarray(KEY_LENGTH + IV_LENGTH)).toString('hex');
  return isDone && answer === KEY_STREAM;
}

const KEY_LENGTH = 32;
const IV_LENGTH = 16;
const BLOCK_LENGTH = 64;
/** RFC 8439 appendix A.1, test vectors 5, 1 and 2: key 0, nonce 2 and block 0, nonce 0 and blocks 0 and 1. */
const KEY_STREAM: string =
  'c2c64d378cd536374ae204b9ef933fcd1a8b2288b3dfa49672ab765b54ee27c7' +
  '8a970e0e955c14f3a88e741b97c286f75f8fc299e8148362fa198a39531bed6d' +
  '76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7' +
  'da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586' +
  '9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed' +
  '29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f';
