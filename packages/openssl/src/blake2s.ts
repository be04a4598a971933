/**
 * `Blake2s`: OpenSSL's BLAKE2s, plain, keyed, and in HMAC.
 *
 * @module
 */
import { allocate, type Region } from '@litz/sys';
import type { LibCrypto } from './libcrypto.ts';
import { osslParams } from './ossl-param.ts';
import { requirePointer } from './require-pointer.ts';

export class Blake2s {
  readonly #crypto: LibCrypto;
  readonly #digest: number;
  readonly #mac: number;
  /** The length of a mac in bytes, 16. `#parameters` contains its address. */
  readonly #size: Region = allocate(8);
  readonly #parameters: Region = osslParams([
    { key: 'size', type: 'integer', data: this.#size.address, length: 8 },
  ]);
  /** The input, in one piece. It is replaced by a larger region when needed. */
  #input: Region = allocate(1024);
  readonly #output: Region = allocate(HASH_LENGTH);

  /** @throws {Error} this OpenSSL has no BLAKE2s */
  constructor(crypto: LibCrypto) {
    this.#crypto = crypto;
    this.#digest = requirePointer(crypto.EVP_MD_fetch(0, 'BLAKE2S-256', null), 'BLAKE2s');
    const mac = requirePointer(crypto.EVP_MAC_fetch(0, 'BLAKE2SMAC', null), 'BLAKE2s');
    this.#mac = requirePointer(crypto.EVP_MAC_CTX_new(mac), 'BLAKE2s');
    this.#size.view.setBigUint64(0, BigInt(MAC_LENGTH), true);
  }

  hash(out: Uint8Array, a: Uint8Array, b: Uint8Array): void {
    const length = a.length + b.length;
    const { bytes } = this.#reserve(length);
    try {
      bytes.set(a);
      bytes.set(b, a.length);
      this.#hashInput(length);
      out.set(this.#output.bytes);
    } finally {
      this.#wipe(length);
    }
  }

  mac(out: Uint8Array, key: Uint8Array, input: Uint8Array): void {
    if (key.length === 0 || key.length > HASH_LENGTH) {
      throw new RangeError(`"key" expected 1 to ${HASH_LENGTH} bytes, got ${key.length}`);
    }
    const { bytes, address } = this.#reserve(BLOCK_LENGTH + input.length);
    bytes.set(key);
    bytes.set(input, BLOCK_LENGTH);
    const crypto = this.#crypto;
    try {
      const done =
        crypto.EVP_MAC_init(this.#mac, address, key.length, this.#parameters.address) === 1 &&
        crypto.EVP_MAC_update(this.#mac, address + BLOCK_LENGTH, input.length) === 1 &&
        crypto.EVP_MAC_final(this.#mac, this.#output.address, 0, MAC_LENGTH) === 1;
      if (!done) throw new Error('OpenSSL failed to compute a BLAKE2s mac');
      out.set(this.#output.bytes.subarray(0, MAC_LENGTH));
    } finally {
      this.#wipe(BLOCK_LENGTH + input.length);
    }
  }

  /** HMAC as in RFC 2104. */
  hmac(out: Uint8Array, key: Uint8Array, a: Uint8Array, b: Uint8Array): void {
    const block = new Uint8Array(BLOCK_LENGTH);
    const length = BLOCK_LENGTH + a.length + b.length;
    const used = Math.max(length, BLOCK_LENGTH + HASH_LENGTH);
    try {
      if (key.length > BLOCK_LENGTH) this.hash(block, key, NOTHING);
      else block.set(key);
      const { bytes } = this.#reserve(used);
      for (let i = 0; i < BLOCK_LENGTH; i++) bytes[i] = block[i]! ^ 0x36;
      bytes.set(a, BLOCK_LENGTH);
      bytes.set(b, BLOCK_LENGTH + a.length);
      this.#hashInput(length);
      for (let i = 0; i < BLOCK_LENGTH; i++) bytes[i] = block[i]! ^ 0x5c;
      bytes.set(this.#output.bytes, BLOCK_LENGTH);
      this.#hashInput(BLOCK_LENGTH + HASH_LENGTH);
      out.set(this.#output.bytes);
    } finally {
      block.fill(0);
      this.#wipe(used);
    }
  }

  #hashInput(length: number): void {
    const { address } = this.#input;
    const out = this.#output.address;
    if (this.#crypto.EVP_Digest(address, length, out, 0, this.#digest, 0) !== 1) {
      throw new Error('OpenSSL failed to compute BLAKE2s');
    }
  }

  /** Overwrites the first `length` bytes of the input, and the result. */
  #wipe(length: number): void {
    this.#input.bytes.fill(0, 0, length);
    this.#output.bytes.fill(0);
  }

  #reserve(length: number): Region {
    if (this.#input.bytes.length < length) {
      this.#input.bytes.fill(0);
      this.#input = allocate(2 ** Math.ceil(Math.log2(length)));
    }
    return this.#input;
  }
}

const HASH_LENGTH = 32;
const MAC_LENGTH = 16;
const BLOCK_LENGTH = 64;
const NOTHING = new Uint8Array(0);
