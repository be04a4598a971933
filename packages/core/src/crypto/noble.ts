/**
 * `nobleProvider`: the portable crypto provider, made from @noble/curves, @noble/hashes and
 * @noble/ciphers. It runs on every JavaScript runtime and is the reference for the faster
 * providers.
 *
 * It allocates memory, also for each packet. Its X25519 uses BigInts, whose timing can depend on
 * the values.
 *
 * @module
 */
import { chacha20, xchacha20 } from '@noble/ciphers/chacha.js';
import { x25519 } from '@noble/curves/ed25519.js';
import { blake2s } from '@noble/hashes/blake2.js';
import { hmac } from '@noble/hashes/hmac.js';
import { KEY_LENGTH, MAC_LENGTH, TAG_LENGTH } from '../constants.ts';
import { checkLength } from './check-length.ts';
import { isLowOrderPoint } from './low-order-points.ts';
import { openInPlace, sealInPlace, type StreamCipher } from './noble-aead.ts';
import { NONCE_LENGTH, nonceOf, writeCounter } from './nonce.ts';
import type { Cipher, CryptoProvider } from './provider.ts';
import { secretCopy } from './secret-bytes.ts';
import { wipe } from './wipe.ts';

/** The portable crypto provider. `Engine` uses it by default. */
export const nobleProvider: CryptoProvider = {
  name: 'noble',

  dh(privateKey, publicKey) {
    // noble throws for a low-order key, but a message from a stranger must not make us create an
    // Error.
    return isLowOrderPoint(publicKey) ? undefined : x25519.getSharedSecret(privateKey, publicKey);
  },

  dhPublicKey: (privateKey) => x25519.getPublicKey(privateKey),

  hash(out, a, b = NOTHING) {
    out.set(blake2s.create().update(a).update(b).digest());
  },

  mac(out, key, input) {
    out.set(blake2s(input, { key, dkLen: MAC_LENGTH }));
  },

  hmac(out, key, a, b = NOTHING) {
    out.set(hmac.create(blake2s, key).update(a).update(b).digest());
  },

  aeadSeal: (key, counter, plain, auth) => seal(chacha20, key, nonceOf(counter), plain, auth),
  aeadOpen: (key, counter, sealed, auth) => open(chacha20, key, nonceOf(counter), sealed, auth),
  xaeadSeal: (key, nonce, plain, auth) => seal(xchacha20, key, nonce, plain, auth),
  xaeadOpen: (key, nonce, sealed, auth) => open(xchacha20, key, nonce, sealed, auth),

  createCipher: (key) => new NobleCipher(key),
};

class NobleCipher implements Cipher {
  readonly #key: Uint8Array;
  #isDestroyed = false;
  readonly #nonce = new Uint8Array(NONCE_LENGTH);

  constructor(key: Uint8Array) {
    checkLength('key', key, KEY_LENGTH);
    this.#key = secretCopy(key);
  }

  seal(counter: number, buffer: Uint8Array, offset: number, length: number): void {
    const end = offset + length;
    const data = buffer.subarray(offset, end);
    const tag = buffer.subarray(end, end + TAG_LENGTH);
    writeCounter(this.#nonce, counter);
    sealInPlace(chacha20, this.#key, this.#nonce, data, tag, NOTHING);
  }

  open(counter: number, buffer: Uint8Array, offset: number, length: number): boolean {
    const end = offset + length;
    const data = buffer.subarray(offset, end);
    const tag = buffer.subarray(end, end + TAG_LENGTH);
    writeCounter(this.#nonce, counter);
    return openInPlace(chacha20, this.#key, this.#nonce, data, tag, NOTHING);
  }

  readKey(out: Uint8Array): void {
    if (this.#isDestroyed) throw new TypeError('the cipher was destroyed');
    out.set(this.#key);
  }

  destroy(): void {
    this.#isDestroyed = true;
    wipe(this.#key);
  }
}

function seal(
  stream: StreamCipher,
  key: Uint8Array,
  nonce: Uint8Array,
  plain: Uint8Array,
  auth: Uint8Array,
): Uint8Array {
  const sealed = new Uint8Array(plain.length + TAG_LENGTH);
  sealed.set(plain);
  const data = sealed.subarray(0, plain.length);
  sealInPlace(stream, key, nonce, data, sealed.subarray(plain.length), auth);
  return sealed;
}

function open(
  stream: StreamCipher,
  key: Uint8Array,
  nonce: Uint8Array,
  sealed: Uint8Array,
  auth: Uint8Array,
): Uint8Array | undefined {
  const length = sealed.length - TAG_LENGTH;
  if (length < 0) return undefined;
  const data = Uint8Array.from(sealed.subarray(0, length));
  return openInPlace(stream, key, nonce, data, sealed.subarray(length), auth) ? data : undefined;
}

const NOTHING = new Uint8Array(0);
