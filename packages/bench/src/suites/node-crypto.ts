/**
 * `nodeCrypto`: the primitives with `node:crypto`, as a Node.js program would call them. They are
 * only compared with the providers, and are not a provider. Keyed BLAKE2s and XChaCha20 are
 * missing, because Node.js has no function for them.
 *
 * @module
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
} from 'node:crypto';
import type { Cipher } from '@litz/core';
import type { SomePrimitives } from './some-primitives.ts';

export const nodeCrypto: SomePrimitives = {
  dh: (privateKey, publicKey) =>
    diffieHellman({
      privateKey: privateKeyObject(privateKey),
      publicKey: createPublicKey({ key: der(SPKI, publicKey), format: 'der', type: 'spki' }),
    }),
  dhPublicKey: (privateKey) =>
    createPublicKey(privateKeyObject(privateKey))
      .export({ format: 'der', type: 'spki' })
      .subarray(SPKI.length),
  hash: (out, a, b) => {
    const hash = createHash('blake2s256').update(a);
    out.set(b ? hash.update(b).digest() : hash.digest());
  },
  hmac: (out, key, a, b) => {
    const hmac = createHmac('blake2s256', key).update(a);
    out.set(b ? hmac.update(b).digest() : hmac.digest());
  },
  createCipher: (key) => new NodeCipher(key),
};

class NodeCipher implements Cipher {
  readonly #key: Uint8Array;
  readonly #nonce = new Uint8Array(12);
  readonly #view = new DataView(this.#nonce.buffer);

  constructor(key: Uint8Array) {
    this.#key = key.slice();
  }

  seal(counter: number, buffer: Uint8Array, offset: number, length: number): void {
    this.#setNonce(counter);
    const cipher = createCipheriv('chacha20-poly1305', this.#key, this.#nonce, OPTIONS);
    buffer.set(cipher.update(buffer.subarray(offset, offset + length)), offset);
    cipher.final();
    buffer.set(cipher.getAuthTag(), offset + length);
  }

  open(counter: number, buffer: Uint8Array, offset: number, length: number): boolean {
    this.#setNonce(counter);
    const end = offset + length;
    const decipher = createDecipheriv('chacha20-poly1305', this.#key, this.#nonce, OPTIONS);
    decipher.setAuthTag(buffer.subarray(end, end + OPTIONS.authTagLength));
    buffer.set(decipher.update(buffer.subarray(offset, end)), offset);
    try {
      decipher.final();
      return true;
    } catch {
      buffer.fill(0, offset, end);
      return false;
    }
  }

  destroy(): void {
    this.#key.fill(0);
  }

  #setNonce(counter: number): void {
    this.#view.setUint32(4, counter, true);
    this.#view.setUint32(8, counter / 2 ** 32, true);
  }
}

function privateKeyObject(privateKey: Uint8Array): ReturnType<typeof createPrivateKey> {
  return createPrivateKey({ key: der(PKCS8, privateKey), format: 'der', type: 'pkcs8' });
}

function der(prefix: Uint8Array, key: Uint8Array): Buffer {
  return Buffer.concat([prefix, key]);
}

const OPTIONS = { authTagLength: 16 } as const;
/** The DER bytes in front of the 32 bytes of a private and of a public X25519 key, RFC 8410. */
const PKCS8: Uint8Array = Buffer.from('302e020100300506032b656e04220420', 'hex');
const SPKI: Uint8Array = Buffer.from('302a300506032b656e032100', 'hex');
