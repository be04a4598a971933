/**
 * `chacha20InMemory`: OpenSSL's ChaCha20 with its state in our own memory.
 *
 * Beginning a stream through OpenSSL's interface is one call per message, which takes 1/14 of the
 * time of a full packet, to copy 16 bytes. An application may replace the data of a cipher by its
 * own memory with `EVP_CIPHER_CTX_set_cipher_data(3)`. Then key and nonce are just written to that
 * memory, and one context serves all keys. This works for a copy of the built-in method. A method
 * of an OpenSSL provider keeps its data elsewhere.
 *
 * The layout of that data is not documented (crypto/evp/e_chacha20_poly1305.c, 1.1.0 to 3.5). So
 * OpenSSL itself first writes a key and a nonce, whose places are checked, and then must produce a
 * known stream.
 *
 * ```
 * u32 key[8] | u32 counter[4] | u8 current block (64) | u32 used bytes of it
 * ```
 *
 * @module
 */
import { KEY_LENGTH } from '@litz/core/internals';
import { allocate, type Region } from '@litz/sys';
import { IV_LENGTH, type Chacha20 } from './chacha20.ts';
import type { LibCrypto } from './libcrypto.ts';
import { present } from './present.ts';
import { copyKey, wordsOf } from './words.ts';

/**
 * Returns undefined if this OpenSSL does not support it; everything is freed then.
 *
 * @throws {Error} there is no memory for a context
 */
export function chacha20InMemory(crypto: LibCrypto): Chacha20<Int32Array> | undefined {
  const { EVP_CIPHER_meth_dup, EVP_CIPHER_meth_free, EVP_CIPHER_CTX_set_cipher_data } = crypto;
  if (!EVP_CIPHER_meth_dup || !EVP_CIPHER_meth_free || !EVP_CIPHER_CTX_set_cipher_data)
    return undefined;
  const method = EVP_CIPHER_meth_dup(crypto.EVP_chacha20());
  if (method === 0) return undefined;
  const context = present(crypto.EVP_CIPHER_CTX_new(), 'cipher contexts');
  const state = allocate(STATE_LENGTH);
  if (hasOwnState(crypto, context, method)) {
    const theirs = EVP_CIPHER_CTX_set_cipher_data(context, state.address);
    const chacha20 = createOver(crypto, context, state);
    if (isLaidOut(crypto, context, state) && isRight(chacha20)) return chacha20;
    EVP_CIPHER_CTX_set_cipher_data(context, theirs);
  }
  crypto.EVP_CIPHER_CTX_free(context);
  EVP_CIPHER_meth_free(method);
  crypto.ERR_clear_error();
  return undefined;
}

/**
 * Sets a key. Returns whether the context then has the method's state (not that of an engine), and
 * whether it fits into our memory.
 */
function hasOwnState(crypto: LibCrypto, context: number, method: number): boolean {
  const { EVP_CIPHER_impl_ctx_size, EVP_CIPHER_CTX_get0_cipher } = crypto;
  if (!EVP_CIPHER_impl_ctx_size || !EVP_CIPHER_CTX_get0_cipher) return false;
  const { address } = allocate(KEY_LENGTH);
  const done = crypto.EVP_CipherInit_ex(context, method, 0, address, 0, 1);
  return (
    done === 1 &&
    EVP_CIPHER_CTX_get0_cipher(context) === method &&
    EVP_CIPHER_impl_ctx_size(method) <= STATE_LENGTH
  );
}

/** Addresses are constants of a closure, for the reason given in `createTransportTag`. */
function createOver(crypto: LibCrypto, context: number, state: Region): Chacha20<Int32Array> {
  const { EVP_Cipher } = crypto;
  const words = wordsOf(state.bytes);
  return {
    createKey(bytes) {
      // A separate buffer, which V8 does not move. So wiping it leaves no copy.
      const key = new Uint8Array(new ArrayBuffer(KEY_LENGTH));
      key.set(bytes);
      return wordsOf(key);
    },

    begin(key, counter, firstBlock) {
      copyKey(words, key, 0);
      words[COUNTER] = firstBlock;
      words[COUNTER + 1] = 0;
      words[COUNTER + 2] = counter;
      words[COUNTER + 3] = counter / 2 ** 32;
      words[USED] = 0;
    },

    crypt(_, out, input, length) {
      if (EVP_Cipher(context, out, input, length) !== 1) throw new Error('ChaCha20 failed');
    },

    destroyKey(key) {
      key.fill(0);
      // The state may contain this key, if it was used last.
      words.fill(0);
    },
  };
}

/** Whether OpenSSL writes a key and an initial vector to the expected places. */
function isLaidOut(crypto: LibCrypto, context: number, state: Region): boolean {
  const { bytes, address } = allocate(KEY_LENGTH + IV_LENGTH);
  bytes.forEach((_, i) => (bytes[i] = i + 1));
  if (crypto.EVP_EncryptInit(context, 0, address, address + KEY_LENGTH) !== 1) return false;
  return bytes.every((byte, i) => state.bytes[i] === byte);
}

/** Whether it produces the known stream, and produces it again after a partly used block. */
function isRight(chacha20: Chacha20<Int32Array>): boolean {
  const key = chacha20.createKey(Uint8Array.from({ length: KEY_LENGTH }, (_, i) => i));
  const { bytes, address } = allocate(STREAM.length / 2);
  for (let time = 1; time <= 2; time++) {
    bytes.fill(0);
    chacha20.begin(key, 0x4a00_0000, 1);
    try {
      chacha20.crypt(key, address, address, bytes.length);
    } catch {
      return false;
    }
    if (Buffer.from(bytes).toString('hex') !== STREAM) return false;
  }
  return true;
}

/** In bytes. OpenSSL's own state takes 120 bytes. */
const STATE_LENGTH = 256;
/** Indices of words in the state. */
const COUNTER = 8;
const USED = 28;
/** RFC 8439 section 2.4.2: key 00 01 02 ..., from block 1 on. */
const STREAM: string =
  '224f51f3401bd9e12fde276fb8631ded8c131f823d2c06e27e4fcaec9ef3cf78' +
  '8a3b0aa372600a92b57974cded2b9334794cba40c63e34cdea212c4cf07d41b7' +
  '69a6749f3f630f4122cafe28ec4dc47e26d4346d70b98c73f3e9c53ac40c5945' +
  '398b6eda1a832c89c167eacd901d7e2bf363';
