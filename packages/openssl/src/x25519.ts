/**
 * `X25519`: the Diffie-Hellman function X25519, computed by OpenSSL.
 *
 * A derivation needs a context with a private key, and an object with a public key, which is set in
 * the context. To make either of them takes a tenth of the time of the derivation, because OpenSSL
 * looks up algorithms by name. So there is one public-key object, which is overwritten each time,
 * and a private key that is used several times keeps its context (`key`).
 *
 * @module
 */
import type { DhKey } from '@litz/core';
import { checkLength, KEY_LENGTH } from '@litz/core/internals';
import { allocate, type Region } from '@litz/sys';
import type { LibCrypto } from './libcrypto.ts';
import { osslParams } from './ossl-param.ts';
import { requirePointer } from './require-pointer.ts';

export class X25519 {
  readonly #crypto: LibCrypto;
  /**
   * Contains a private key, a public key, a result, the length of the result, a pointer, and the
   * base point.
   */
  readonly #scratch: Region = allocate(SCRATCH_LENGTH);
  readonly #importer: number;
  /**
   * Settings for importing the private key in the scratch memory. OpenSSL computes its public key.
   */
  readonly #privateKey: Region;
  /** The same settings and a public key, so that OpenSSL does not compute a public key. */
  readonly #keypair: Region;
  /** The public-key object of the other side, overwritten for each derivation. */
  readonly #peer: number;

  /** @throws {Error} this OpenSSL has no X25519 */
  constructor(crypto: LibCrypto) {
    this.#crypto = crypto;
    this.#importer = requirePointer(
      crypto.EVP_PKEY_CTX_new_from_name(0, ALGORITHM, null),
      ALGORITHM,
    );
    const { bytes, address } = this.#scratch;
    bytes[BASE_POINT] = 9;
    const [privateAt, baseAt] = [address + PRIVATE, address + BASE_POINT];
    const secret = { key: 'priv', type: 'octets', data: privateAt, length: KEY_LENGTH } as const;
    const base = { key: 'pub', type: 'octets', data: baseAt, length: KEY_LENGTH } as const;
    this.#privateKey = osslParams([secret]);
    this.#keypair = osslParams([secret, base]);
    const peer = crypto.EVP_PKEY_new_raw_public_key_ex(0, ALGORITHM, null, baseAt, KEY_LENGTH);
    this.#peer = requirePointer(peer, ALGORITHM);
  }

  /**
   * Returns the shared secret.
   *
   * @returns 32 new bytes; undefined if they would be all zero, which OpenSSL refuses
   */
  sharedSecret(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined {
    checkLength('publicKey', publicKey, KEY_LENGTH);
    // The private key is imported together with a wrong public key, the base point. If there were
    // no public key, OpenSSL would compute the right one, which costs as much as the derivation.
    const context = this.#contextOf(this.#import(privateKey, this.#keypair));
    try {
      return this.#derive(context, publicKey);
    } finally {
      this.#crypto.EVP_PKEY_CTX_free(context);
    }
  }

  publicKey(privateKey: Uint8Array): Uint8Array {
    const key = this.#import(privateKey, this.#privateKey);
    try {
      return this.#publicKeyOf(key);
    } finally {
      this.#crypto.EVP_PKEY_free(key);
    }
  }

  /** Returns a prepared private key. It is kept only in OpenSSL's memory, until it is destroyed. */
  key(privateKey: Uint8Array): DhKey {
    const key = this.#import(privateKey, this.#privateKey);
    let context = this.#contextOf(key);
    let publicKey: Uint8Array;
    try {
      publicKey = this.#publicKeyOf(key);
    } catch (error) {
      this.#crypto.EVP_PKEY_CTX_free(context);
      throw error;
    }
    return {
      publicKey,
      dh: (other) => {
        if (context === 0) throw new TypeError('the key was destroyed');
        checkLength('publicKey', other, KEY_LENGTH);
        return this.#derive(context, other);
      },
      readPrivateKey: (out) => {
        if (context === 0) throw new TypeError('the key was destroyed');
        this.#readPrivateKey(key, out);
      },
      destroy: () => {
        if (context !== 0) this.#crypto.EVP_PKEY_CTX_free(context);
        context = 0;
      },
    };
  }

  #derive(context: number, publicKey: Uint8Array): Uint8Array | undefined {
    const crypto = this.#crypto;
    const { address, bytes } = this.#scratch;
    bytes.set(publicKey, PUBLIC);
    // All values of 32 bytes are public keys (RFC 7748), so there is nothing to validate.
    const isReady =
      crypto.EVP_PKEY_set1_encoded_public_key(this.#peer, address + PUBLIC, KEY_LENGTH) === 1 &&
      crypto.EVP_PKEY_derive_set_peer_ex(context, this.#peer, 0) === 1;
    if (!isReady) throw new Error('OpenSSL failed to prepare X25519');
    this.#setLength();
    const done = crypto.EVP_PKEY_derive(context, address + RESULT, address + LENGTH) === 1;
    if (done) return this.#takeResult();
    // OpenSSL has a queue of errors for each thread. Other code could take this error for its own.
    crypto.ERR_clear_error();
    return undefined;
  }

  #publicKeyOf(key: number): Uint8Array {
    const { address } = this.#scratch;
    this.#setLength();
    const done = this.#crypto.EVP_PKEY_get_raw_public_key(key, address + RESULT, address + LENGTH);
    if (done !== 1) throw new Error('OpenSSL failed to make a public key');
    return this.#takeResult();
  }

  /** @param key a key that a context keeps alive */
  #readPrivateKey(key: number, out: Uint8Array): void {
    const { address, bytes } = this.#scratch;
    // EVP_PKEY_get_raw_private_key is not used, because it leaves a copy in memory that it frees.
    const { EVP_PKEY_get_octet_string_param: read } = this.#crypto;
    const done = read(key, 'priv', address + PRIVATE, KEY_LENGTH, address + LENGTH) === 1;
    out.set(bytes.subarray(PRIVATE, PRIVATE + KEY_LENGTH));
    bytes.fill(0, PRIVATE, PRIVATE + KEY_LENGTH);
    if (!done) throw new Error('OpenSSL failed to return a private key');
  }

  /** Imports a key. `params` is `#privateKey` or `#keypair`. */
  #import(privateKey: Uint8Array, params: Region): number {
    const { bytes, view, address } = this.#scratch;
    const importer = this.#importer;
    checkLength('privateKey', privateKey, KEY_LENGTH);
    bytes.set(privateKey, PRIVATE);
    bytes.fill(0, POINTER, POINTER + 8);
    const { EVP_PKEY_fromdata_init, EVP_PKEY_fromdata } = this.#crypto;
    const done =
      EVP_PKEY_fromdata_init(importer) === 1 &&
      EVP_PKEY_fromdata(importer, address + POINTER, EVP_PKEY_KEYPAIR, params.address) === 1;
    bytes.fill(0, PRIVATE, PRIVATE + KEY_LENGTH);
    if (!done) throw new Error('OpenSSL refused an X25519 key');
    return view.getUint32(POINTER, true) + view.getUint32(POINTER + 4, true) * 2 ** 32;
  }

  /** Makes a context that owns the key: the key is wiped and freed with the context. */
  #contextOf(key: number): number {
    const { EVP_PKEY_CTX_new_from_pkey, EVP_PKEY_derive_init, EVP_PKEY_free } = this.#crypto;
    const context = EVP_PKEY_CTX_new_from_pkey(0, key, null);
    EVP_PKEY_free(key);
    if (context !== 0 && EVP_PKEY_derive_init(context) === 1) return context;
    this.#crypto.EVP_PKEY_CTX_free(context);
    throw new Error('OpenSSL failed to prepare X25519');
  }

  #setLength(): void {
    this.#scratch.view.setUint32(LENGTH, KEY_LENGTH, true);
    this.#scratch.view.setUint32(LENGTH + 4, 0, true);
  }

  #takeResult(): Uint8Array {
    const { bytes } = this.#scratch;
    const result = bytes.slice(RESULT, RESULT + KEY_LENGTH);
    bytes.fill(0, RESULT, RESULT + KEY_LENGTH);
    return result;
  }
}

const ALGORITHM = 'X25519';
const PRIVATE = 0;
const PUBLIC = 32;
const RESULT = 64;
const LENGTH = 96;
const POINTER = 104;
const BASE_POINT = 112;
const SCRATCH_LENGTH = 144;
const EVP_PKEY_KEYPAIR = 0x87;
