/**
 * `WasmPoly1305`: tags of transport data that other code encrypts.
 *
 * OpenSSL's ChaCha20 uses wider vectors than WebAssembly. But its Poly1305 costs one or two calls
 * more per packet, which take longer than the tag does here.
 *
 * @module
 */
import { checkText, KEY_LENGTH, TAG_LENGTH } from '@litz/core/internals';
import type { Kernels } from './kernels.ts';
import type { WasmArena } from './wasm-arena.ts';
import { WasmKey } from './wasm-key.ts';

/**
 * Tags of ChaCha20-Poly1305 (RFC 8439 section 2.8) without associated data, for ciphertext in the
 * arena. The one-time key is block 0 of the stream; the text begins with block 1.
 */
export class WasmPoly1305 {
  readonly #arena: WasmArena;
  readonly #kernels: Kernels;
  readonly #key: WasmKey;

  /** @param key 32 bytes, copied; the key that the text is encrypted with */
  constructor(arena: WasmArena, key: Uint8Array) {
    this.#arena = arena;
    this.#kernels = arena.kernels;
    this.#key = new WasmKey(arena, key);
  }

  /**
   * Writes the tag of `length` bytes at `offset` behind them.
   *
   * @param buffer a view of the arena
   * @throws {TypeError} `buffer` is not a view of the arena
   * @throws {RangeError} text and tag are not within `buffer`
   */
  writeTag(counter: number, buffer: Uint8Array, offset: number, length: number): void {
    const data = this.#addressOf(buffer, offset, length);
    const key = this.#key.address;
    this.#kernels.writeTag(key, 0, counter, (counter / 2 ** 32) | 0, data, length);
  }

  /**
   * Whether the tag behind the text is right. Compares in constant time. Throws as `writeTag` does.
   */
  checkTag(counter: number, buffer: Uint8Array, offset: number, length: number): boolean {
    const data = this.#addressOf(buffer, offset, length);
    const key = this.#key.address;
    return this.#kernels.checkTag(key, 0, counter, (counter / 2 ** 32) | 0, data, length) === 1;
  }

  /**
   * Does the same as `writeTag` with a given one-time key, for callers that computed block 0
   * together with the text.
   *
   * @param oneTimeKey offset of the key in the buffer, 32 bytes, which are not changed
   */
  writeTagWith(oneTimeKey: number, buffer: Uint8Array, offset: number, length: number): void {
    const data = this.#addressOf(buffer, offset, length);
    const key = this.#addressOf(buffer, oneTimeKey, KEY_LENGTH - TAG_LENGTH);
    this.#kernels.writeTagTo(data + length, key, data, length);
  }

  /** Wipes the key. Later uses throw. */
  destroy(): void {
    this.#key.destroy();
  }

  #addressOf(buffer: Uint8Array, offset: number, length: number): number {
    if (!this.#arena.owns(buffer)) throw new TypeError('"buffer" expected a view of the arena');
    checkText(buffer, offset, length);
    return buffer.byteOffset + offset;
  }
}
