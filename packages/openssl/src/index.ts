/**
 * A crypto provider that uses the OpenSSL that Node.js is linked with.
 *
 * @module
 */
import type { CryptoProvider } from '@litz/core';
import { checkLength, nonceOf } from '@litz/core/internals';
import { checkBytes } from '@litz/sys';
import { Aead } from './aead.ts';
import { Blake2s } from './blake2s.ts';
import { libcrypto } from './libcrypto.ts';
import { OpensslObjects } from './openssl-objects.ts';
import { UseCount } from './use-count.ts';
import type { CipherThreads } from './threads/cipher-threads.ts';
import { TransportCiphers } from './transport-cipher.ts';
import { X25519 } from './x25519.ts';

export { runCipherThread } from './threads/cipher-thread.ts';
export { CipherThreads, type CipherThreadStart } from './threads/cipher-threads.ts';

/**
 * Makes a provider for the calling thread; its ciphers must stay in that thread. Each call makes a
 * new provider. Its memory in OpenSSL is kept until the provider and its ciphers are destroyed.
 *
 * @param threads that help the calling thread to seal and open; default: none
 * @throws {Error} the provider is not available here; the message says why: another runtime than
 *   Node.js (Bun, Deno), a Node.js without OpenSSL 3 (Electron), or an OpenSSL without one of the
 *   algorithms
 * @throws {WireGuardError} `ERR_LITZ_UNSUPPORTED_PLATFORM`, `ERR_LITZ_FFI_MISSING`
 *
 * @example
 *
 * ```ts
 * import { createOpensslProvider } from '@litz/openssl';
 *
 * const provider = createOpensslProvider();
 * const cipher = provider.createCipher(new Uint8Array(32).fill(1)); // a key, which is copied
 * const message = new Uint8Array(100 + 16); // 100 bytes of text, and space for the tag
 * cipher.seal(0, message, 0, 100);
 * console.log(cipher.open(0, message, 0, 100)); // true
 * cipher.destroy();
 * provider.destroy?.();
 * ```
 */
export function createOpensslProvider(threads?: CipherThreads): CryptoProvider {
  const objects = new OpensslObjects(libcrypto());
  try {
    return new UseCount(objects).wrap(createProvider(objects, threads));
  } catch (error) {
    objects.free();
    throw error;
  }
}

function createProvider(objects: OpensslObjects, threads?: CipherThreads): CryptoProvider {
  const { crypto } = objects;
  const aead = new Aead(crypto);
  const blake2s = new Blake2s(crypto);
  const ciphers = new TransportCiphers(crypto, threads);
  const x25519 = new X25519(crypto);
  objects.stopRecording();
  // X25519 is called once here, so that an OpenSSL without it is found before the first handshake.
  x25519.publicKey(new Uint8Array(32).fill(1));
  return {
    name: 'openssl',
    dh: (privateKey, publicKey) => x25519.sharedSecret(privateKey, publicKey),
    dhPublicKey: (privateKey) => x25519.publicKey(privateKey),
    dhKey: (privateKey) => x25519.key(privateKey),
    ...hashFunctions(blake2s),
    ...aeadFunctions(aead),
    createCipher: (key, oneTimeKeys) => ciphers.create(key, oneTimeKeys),
  };
}

// The functions below check that their arguments are real byte arrays, because an object with a
// false `length` would be read past its end. They are not called per packet.

function hashFunctions(blake2s: Blake2s): Pick<CryptoProvider, 'hash' | 'mac' | 'hmac'> {
  return {
    hash(out, a, b = NOTHING) {
      checkBytes('out', out);
      checkBytes('a', a);
      checkBytes('b', b);
      blake2s.hash(out, a, b);
    },
    mac(out, key, input) {
      checkBytes('out', out);
      checkBytes('key', key);
      checkBytes('input', input);
      blake2s.mac(out, key, input);
    },
    hmac(out, key, a, b = NOTHING) {
      checkBytes('out', out);
      checkBytes('key', key);
      checkBytes('a', a);
      checkBytes('b', b);
      blake2s.hmac(out, key, a, b);
    },
  };
}

function aeadFunctions(
  aead: Aead,
): Pick<CryptoProvider, 'aeadSeal' | 'aeadOpen' | 'xaeadSeal' | 'xaeadOpen'> {
  return {
    aeadSeal(key, counter, plain, auth) {
      checkBytes('key', key);
      checkBytes('plain', plain);
      checkBytes('auth', auth);
      return aead.seal(key, nonceOf(counter), plain, auth);
    },
    aeadOpen(key, counter, sealed, auth) {
      checkBytes('key', key);
      checkBytes('sealed', sealed);
      checkBytes('auth', auth);
      return aead.open(key, nonceOf(counter), sealed, auth);
    },
    xaeadSeal(key, nonce, plain, auth) {
      checkBytes('key', key);
      checkBytes('nonce', nonce);
      checkBytes('plain', plain);
      checkBytes('auth', auth);
      return withSubkey(aead, key, nonce, (subkey, rest) => aead.seal(subkey, rest, plain, auth));
    },
    xaeadOpen(key, nonce, sealed, auth) {
      checkBytes('key', key);
      checkBytes('nonce', nonce);
      checkBytes('sealed', sealed);
      checkBytes('auth', auth);
      return withSubkey(aead, key, nonce, (subkey, rest) => aead.open(subkey, rest, sealed, auth));
    },
  };
}

/**
 * XChaCha20-Poly1305 is ChaCha20-Poly1305 with a key that is derived from the nonce's first 16
 * bytes.
 */
function withSubkey<T>(
  aead: Aead,
  key: Uint8Array,
  nonce: Uint8Array,
  run: (subkey: Uint8Array, nonce: Uint8Array) => T,
): T {
  checkLength('nonce', nonce, 24);
  const subkey = aead.subkey(key, nonce.subarray(0, 16));
  const rest = new Uint8Array(12);
  rest.set(nonce.subarray(16, 24), 4);
  try {
    return run(subkey, rest);
  } finally {
    subkey.fill(0);
  }
}

const NOTHING = new Uint8Array(0);
