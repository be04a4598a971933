/**
 * X25519 of OpenSSL.
 *
 * @module
 */
import { checkLength, KEY_LENGTH } from '@litz/core';
import { allocate, type Region } from '../memory.ts';
import type { LibCrypto } from './libcrypto.ts';
import { osslParams } from './ossl-param.ts';

export class X25519 {
  readonly #crypto: LibCrypto;
  /** A private key, a public one, a result, the length of the result, a pointer, the base point. */
  readonly #scratch: Region = allocate(SCRATCH_LENGTH);
  readonly #importer: number;
  readonly #keypair: Region;

  /** @throws {Error} this OpenSSL has no X25519 */
  constructor(crypto: LibCrypto) {
    this.#crypto = crypto;
    this.#importer = crypto.EVP_PKEY_CTX_new_from_name(0, ALGORITHM, null);
    if (this.#importer === 0) throw new Error('this OpenSSL has no X25519');
    const { bytes, address } = this.#scratch;
    bytes[BASE_POINT] = 9;
    this.#keypair = osslParams([
      { key: 'priv', type: 'octets', data: address + PRIVATE, length: KEY_LENGTH },
      { key: 'pub', type: 'octets', data: address + BASE_POINT, length: KEY_LENGTH },
    ]);
  }

  /** @returns 32 new bytes; undefined if they were all zero, which OpenSSL refuses */
  sharedSecret(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined {
    const crypto = this.#crypto;
    checkLength('publicKey', publicKey, KEY_LENGTH);
    const key = this.#importForDerive(privateKey);
    this.#scratch.bytes.set(publicKey, PUBLIC);
    const { address } = this.#scratch;
    const at = address + PUBLIC;
    const peer = crypto.EVP_PKEY_new_raw_public_key_ex(0, ALGORITHM, null, at, KEY_LENGTH);
    const context = crypto.EVP_PKEY_CTX_new_from_pkey(0, key, null);
    try {
      // Every 32 bytes are a public key (RFC 7748): there is nothing to validate.
      const isReady =
        crypto.EVP_PKEY_derive_init(context) === 1 &&
        crypto.EVP_PKEY_derive_set_peer_ex(context, peer, 0) === 1;
      if (!isReady) throw new Error('OpenSSL failed to prepare X25519');
      this.#setLength();
      const done = crypto.EVP_PKEY_derive(context, address + RESULT, address + LENGTH) === 1;
      if (done) return this.#takeResult();
      // Or the next reader of this thread's queue takes our error for its own.
      crypto.ERR_clear_error();
      return undefined;
    } finally {
      crypto.EVP_PKEY_CTX_free(context);
      crypto.EVP_PKEY_free(peer);
      crypto.EVP_PKEY_free(key);
    }
  }

  publicKey(privateKey: Uint8Array): Uint8Array {
    const key = this.#importPrivate(privateKey);
    this.#setLength();
    const { address } = this.#scratch;
    const { EVP_PKEY_get_raw_public_key, EVP_PKEY_free } = this.#crypto;
    const done = EVP_PKEY_get_raw_public_key(key, address + RESULT, address + LENGTH);
    EVP_PKEY_free(key);
    if (done !== 1) throw new Error('OpenSSL failed to make a public key');
    return this.#takeResult();
  }

  /**
   * Imported alone, a private key has its public one computed, which costs as much as half a
   * derivation and which a derivation does not read. So it gets one that is there already.
   */
  #importForDerive(privateKey: Uint8Array): number {
    const { bytes, view, address } = this.#scratch;
    checkLength('privateKey', privateKey, KEY_LENGTH);
    bytes.set(privateKey, PRIVATE);
    view.setBigUint64(POINTER, 0n, true);
    const { EVP_PKEY_fromdata_init, EVP_PKEY_fromdata } = this.#crypto;
    const done =
      EVP_PKEY_fromdata_init(this.#importer) === 1 &&
      EVP_PKEY_fromdata(
        this.#importer,
        address + POINTER,
        EVP_PKEY_KEYPAIR,
        this.#keypair.address,
      ) === 1;
    bytes.fill(0, PRIVATE, PRIVATE + KEY_LENGTH);
    if (!done) throw new Error('OpenSSL refused an X25519 key');
    return Number(view.getBigUint64(POINTER, true));
  }

  #importPrivate(privateKey: Uint8Array): number {
    checkLength('privateKey', privateKey, KEY_LENGTH);
    const { bytes, address } = this.#scratch;
    bytes.set(privateKey, PRIVATE);
    const at = address + PRIVATE;
    const key = this.#crypto.EVP_PKEY_new_raw_private_key_ex(0, ALGORITHM, null, at, KEY_LENGTH);
    bytes.fill(0, PRIVATE, PRIVATE + KEY_LENGTH);
    if (key === 0) throw new Error('this OpenSSL has no X25519');
    return key;
  }

  #setLength(): void {
    this.#scratch.view.setBigUint64(LENGTH, BigInt(KEY_LENGTH), true);
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
