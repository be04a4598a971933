/**
 * `WasmHash`: BLAKE2s, keyed BLAKE2s, HMAC-BLAKE2s, and the Kdf of the WireGuard paper (section
 * 5.4), which is built on HMAC-BLAKE2s.
 *
 * @module
 */
import { HASH_LENGTH, KEY_LENGTH, MAC_LENGTH, wipe } from '@litz/core/internals';
import type { Kernels } from './kernels.ts';
import type { WasmArena } from './wasm-arena.ts';

/**
 * Inputs are copied into the window, as much as fits at a time, and wiped there when the hash is
 * finished.
 */
export class WasmHash {
  readonly #kernels: Kernels;
  readonly #bytes: Uint8Array;
  readonly #window: Uint8Array;
  /**
   * Address of the finished hash. The address is stored here, because reading it from the module is
   * a call each time.
   */
  readonly #hashAt: number;
  /** How many bytes in the window are not yet hashed. */
  #waiting = 0;
  /** Whether the input has filled the window, so that all of it must be wiped. */
  #wasFull = false;

  constructor({ kernels, bytes, window }: WasmArena) {
    this.#kernels = kernels;
    this.#bytes = bytes;
    this.#window = window;
    this.#hashAt = kernels.HASH.value;
  }

  hash(out: Uint8Array, a: Uint8Array, b: Uint8Array): void {
    this.#begin(HASH_LENGTH, 0);
    this.#update(a);
    this.#update(b);
    this.#finish(out, HASH_LENGTH);
  }

  mac(out: Uint8Array, key: Uint8Array, input: Uint8Array): void {
    if (key.length === 0 || key.length > HASH_LENGTH) {
      throw new RangeError(`"key" expected 1 to ${HASH_LENGTH} bytes, got ${key.length}`);
    }
    this.#begin(MAC_LENGTH, key.length);
    this.#update(key);
    this.#pad();
    this.#update(input);
    this.#finish(out, MAC_LENGTH);
  }

  /** RFC 2104: Hash(key ^ opad || Hash(key ^ ipad || input)). */
  hmac(out: Uint8Array, key: Uint8Array, a: Uint8Array, b: Uint8Array): void {
    const block = new Uint8Array(BLOCK_LENGTH);
    const inner = new Uint8Array(HASH_LENGTH);
    if (key.length > BLOCK_LENGTH) this.hash(block.subarray(0, HASH_LENGTH), key, NOTHING);
    else block.set(key);
    for (let i = 0; i < BLOCK_LENGTH; i++) block[i] ^= INNER_PAD;
    this.#begin(HASH_LENGTH, 0);
    this.#update(block);
    this.#update(a);
    this.#update(b);
    this.#finish(inner, HASH_LENGTH);
    for (let i = 0; i < BLOCK_LENGTH; i++) block[i] ^= INNER_PAD ^ OUTER_PAD;
    this.hash(out, block, inner);
    wipe(block, inner);
  }

  /**
   * The Kdf of section 5.4. `key` and `input` have at most 32 bytes each. A shorter key is padded
   * with zeros.
   */
  kdf(
    key: Uint8Array,
    input: Uint8Array,
    first: Uint8Array,
    second?: Uint8Array,
    third?: Uint8Array,
  ): void {
    checkAtMost('key', key);
    checkAtMost('input', input);
    const window = this.#window;
    for (let i = 0; i < KEY_LENGTH; i++) window[i] = i < key.length ? key[i] : 0;
    window.set(input, KEY_LENGTH);
    this.#kernels.deriveKeys(input.length, third ? 3 : second ? 2 : 1);
    this.#takeKey(first, 0);
    if (second) this.#takeKey(second, 1);
    if (third) this.#takeKey(third, 2);
  }

  #takeKey(out: Uint8Array, index: number): void {
    const window = this.#window;
    const at = index * KEY_LENGTH;
    for (let i = 0; i < KEY_LENGTH; i++) {
      out[i] = window[at + i];
      window[at + i] = 0;
    }
  }

  #begin(hashLength: number, keyLength: number): void {
    this.#kernels.beginHash(hashLength, keyLength);
    this.#waiting = 0;
    this.#wasFull = false;
  }

  #update(input: Uint8Array): void {
    const window = this.#window;
    for (let at = 0; at < input.length;) {
      // A full window is hashed only when more input comes, because `finishHash` needs the last
      // bytes.
      if (this.#waiting === window.length) {
        this.#kernels.updateHash(window.byteOffset, window.length);
        this.#waiting = 0;
        this.#wasFull = true;
      }
      const length = Math.min(input.length - at, window.length - this.#waiting);
      const part = length === input.length ? input : input.subarray(at, at + length);
      window.set(part, this.#waiting);
      this.#waiting += length;
      at += length;
    }
  }

  /** Fills the rest of the first block with zeros. */
  #pad(): void {
    const window = this.#window;
    window.fill(0, this.#waiting, BLOCK_LENGTH);
    this.#waiting = BLOCK_LENGTH;
  }

  #finish(out: Uint8Array, length: number): void {
    const bytes = this.#bytes;
    const window = this.#window;
    const hash = this.#hashAt;
    this.#kernels.finishHash(window.byteOffset, this.#waiting);
    window.fill(0, 0, this.#wasFull ? window.length : this.#waiting);
    for (let i = 0; i < length; i++) out[i] = bytes[hash + i];
    for (let i = 0; i < HASH_LENGTH; i++) bytes[hash + i] = 0;
  }
}

function checkAtMost(name: string, bytes: Uint8Array): void {
  if (bytes.length <= KEY_LENGTH) return;
  throw new RangeError(`"${name}" expected at most ${KEY_LENGTH} bytes, got ${bytes.length}`);
}

const BLOCK_LENGTH = 64;
const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;
const NOTHING = new Uint8Array(0);
