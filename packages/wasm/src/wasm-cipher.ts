/**
 * `WasmCipher`: ChaCha20-Poly1305 for transport data, in place in an arena.
 *
 * @module
 */
import type { Cipher, OneTimeKeys } from '@litz/core';
import { checkText, TAG_LENGTH, wipe } from '@litz/core/internals';
import type { Kernels } from './kernels.ts';
import type { WasmArena } from './wasm-arena.ts';
import { WasmKey } from './wasm-key.ts';

/**
 * A transport cipher. Bytes of the arena are processed in place, and nothing is allocated. Other
 * bytes are copied into the arena and back, which allocates two views per message.
 */
export class WasmCipher implements Cipher {
  readonly #arena: WasmArena;
  readonly #kernels: Kernels;
  readonly #key: WasmKey;

  /** @param key 32 bytes, copied */
  constructor(arena: WasmArena, key: Uint8Array) {
    this.#arena = arena;
    this.#kernels = arena.kernels;
    this.#key = new WasmKey(arena, key);
  }

  /**
   * @throws {RangeError} text and tag are not within the buffer, or are too long to be copied into
   *   the arena
   */
  seal(counter: number, buffer: Uint8Array, offset: number, length: number): void {
    checkText(buffer, offset, length);
    const key = this.#key.address;
    // The nonce (WireGuard paper, section 5.4.6) is 4 zero bytes and the counter in 64 bits. The
    // low word needs no mask, because WebAssembly takes an i32 argument modulo 2^32.
    const high = (counter / 2 ** 32) | 0;
    if (this.#arena.owns(buffer)) {
      this.#kernels.seal(key, 0, counter, high, 0, 0, buffer.byteOffset + offset, length);
      return;
    }
    const { window } = this.#arena;
    checkWindow(window, length);
    window.set(buffer.subarray(offset, offset + length));
    this.#kernels.seal(key, 0, counter, high, 0, 0, window.byteOffset, length);
    buffer.set(window.subarray(0, length + TAG_LENGTH), offset);
  }

  /**
   * @throws {RangeError} text and tag are not within the buffer, or are too long to be copied into
   *   the arena
   */
  open(counter: number, buffer: Uint8Array, offset: number, length: number): boolean {
    checkText(buffer, offset, length);
    if (this.#arena.owns(buffer)) {
      return this.#openAt(counter, buffer.byteOffset + offset, length);
    }
    const { window } = this.#arena;
    checkWindow(window, length);
    window.set(buffer.subarray(offset, offset + length + TAG_LENGTH));
    if (!this.#openAt(counter, window.byteOffset, length)) return false;
    const plain = window.subarray(0, length);
    buffer.set(plain, offset);
    wipe(plain);
    return true;
  }

  /** Opens a message in the module's memory. */
  #openAt(counter: number, data: number, length: number): boolean {
    const key = this.#key.address;
    const high = (counter / 2 ** 32) | 0;
    if (length < SHORTEST || length > LONGEST) {
      return this.#kernels.open(key, 0, counter, high, 0, 0, data, length) === 1;
    }
    const first = this.#key.firstBlock(counter);
    return this.#kernels.openShort(key, counter, high, first, data, length) === 1;
  }

  get oneTimeKeys(): OneTimeKeys {
    return this.#key;
  }

  readKey(out: Uint8Array): void {
    this.#key.read(out);
  }

  destroy(): void {
    this.#key.destroy();
  }
}

function checkWindow(window: Uint8Array, length: number): void {
  if (length + TAG_LENGTH <= window.length) return;
  throw new RangeError(
    `"length" expected at most ${window.length - TAG_LENGTH} for a buffer outside of the arena, got ${length}`,
  );
}

/**
 * Texts of these lengths, in bytes, are opened with a block 0 that was computed for four messages
 * together. The other blocks of the key stream are then computed in one call. A shorter text needs
 * only one call for all its blocks. A longer text needs two calls even if its block 0 is already
 * computed.
 */
const SHORTEST = 193;
const LONGEST = 256;
