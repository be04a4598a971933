/**
 * `wasmProvider`: all of WireGuard's cryptography in WebAssembly.
 *
 * The code in `assembly/` does not branch on secrets or use them as addresses. We cannot promise
 * that the machine code that a JavaScript engine makes from this code has the same property. But
 * the code has no BigInts, whose operations take a time that depends on the values.
 *
 * @module
 */
import type { CryptoProvider } from '@litz/core';
import { checkBytes } from '@litz/core/internals';
import { WasmAead } from './wasm-aead.ts';
import { WasmArena } from './wasm-arena.ts';
import { WasmCipher } from './wasm-cipher.ts';
import { WasmHash } from './wasm-hash.ts';
import { multiplyPoint } from './wasm-x25519.ts';

/**
 * Makes a provider for one thread; its calls share scratch memory. Each call checks that its
 * arguments are real byte arrays: an object with a false `length` could reach other keys in that
 * memory.
 *
 * @param arena memory whose bytes ciphers process in place. Default: a new arena, made
 *   synchronously; in the main thread of a browser give one from `WasmArena.create`.
 * @throws {Error} this runtime has no WebAssembly
 *
 * @example An engine for any JavaScript runtime
 *
 * ```ts
 * import { Engine } from '@litz/core';
 * import { wasmProvider } from '@litz/wasm';
 *
 * const engine = new Engine({
 *   crypto: wasmProvider(),
 *   randomBytes: (out) => crypto.getRandomValues(out),
 *   unixTime: Date.now,
 * });
 * console.log(engine.pollTimeout()); // Infinity
 * ```
 */
export function wasmProvider(arena: WasmArena = WasmArena.createSync()): CryptoProvider {
  return {
    name: 'wasm',
    dh: (privateKey, publicKey) => multiplyPoint(arena, privateKey, publicKey),
    dhPublicKey(privateKey) {
      const publicKey = multiplyPoint(arena, privateKey, BASE_POINT);
      // A clamped scalar is never a multiple of the order of the base point.
      if (!publicKey) throw new Error('X25519 failed');
      return publicKey;
    },
    ...hashFunctions(new WasmHash(arena)),
    ...aeadFunctions(new WasmAead(arena)),
    createCipher: (key) => new WasmCipher(arena, key),
  };
}

function hashFunctions(hash: WasmHash): Pick<CryptoProvider, 'hash' | 'mac' | 'hmac' | 'kdf'> {
  return {
    hash(out, a, b = NOTHING) {
      checkBytes(out, 'out');
      checkBytes(a, 'a');
      checkBytes(b, 'b');
      hash.hash(out, a, b);
    },
    mac(out, key, input) {
      checkBytes(out, 'out');
      checkBytes(key, 'key');
      checkBytes(input, 'input');
      hash.mac(out, key, input);
    },
    hmac(out, key, a, b = NOTHING) {
      checkBytes(out, 'out');
      checkBytes(key, 'key');
      checkBytes(a, 'a');
      checkBytes(b, 'b');
      hash.hmac(out, key, a, b);
    },
    kdf(key, input, first, second, third) {
      checkBytes(key, 'key');
      checkBytes(input, 'input');
      checkBytes(first, 'first');
      if (second) checkBytes(second, 'second');
      if (third) checkBytes(third, 'third');
      hash.kdf(key, input, first, second, third);
    },
  };
}

function aeadFunctions(
  aead: WasmAead,
): Pick<CryptoProvider, 'aeadSeal' | 'aeadOpen' | 'xaeadSeal' | 'xaeadOpen'> {
  return {
    aeadSeal(key, counter, plain, auth) {
      checkBytes(key, 'key');
      checkBytes(plain, 'plain');
      checkBytes(auth, 'auth');
      return aead.seal(key, counter, plain, auth);
    },
    aeadOpen(key, counter, sealed, auth) {
      checkBytes(key, 'key');
      checkBytes(sealed, 'sealed');
      checkBytes(auth, 'auth');
      return aead.open(key, counter, sealed, auth);
    },
    xaeadSeal(key, nonce, plain, auth) {
      checkBytes(key, 'key');
      checkBytes(nonce, 'nonce');
      checkBytes(plain, 'plain');
      checkBytes(auth, 'auth');
      return aead.seal(key, nonce, plain, auth);
    },
    xaeadOpen(key, nonce, sealed, auth) {
      checkBytes(key, 'key');
      checkBytes(nonce, 'nonce');
      checkBytes(sealed, 'sealed');
      checkBytes(auth, 'auth');
      return aead.open(key, nonce, sealed, auth);
    },
  };
}

const BASE_POINT: Uint8Array = Uint8Array.of(9, ...new Uint8Array(31));
const NOTHING = new Uint8Array(0);
