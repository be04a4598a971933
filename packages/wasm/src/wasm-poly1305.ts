/**
 * `WasmPoly1305`: tags of transport data whose text something else encrypts.
 *
 * OpenSSL's ChaCha20 has wider vectors than WebAssembly, but its Poly1305 costs a call or two more for
 * every packet than the tag takes here.
 *
 * @module
 */
import { checkText, KEY_LENGTH, TAG_LENGTH } from '@litz/core/internals';
import type { Kernels } from './kernels.ts';
import type { WasmArena } from './wasm-arena.ts';
import { WasmKey } from './wasm-key.ts';

/**
 * The tag of ChaCha20-Poly1305 (RFC 8439 section 2.8) without associated data, over ciphertext that
 * stands in the arena. The one-time key is block 0 of the stream, the text begins with block 1.
 */
export class WasmPoly1305 {
  readonly #arena: WasmArena;
  readonly #kernels: Kernels;
  readonly #key: WasmKey;

  /** @param key 32 bytes, copied: the one that the text is encrypted with */
  constructor(arena: WasmArena, key: Uint8Array) {
    this.#arena = arena;
    this.#kernels = arena.kernels;
    this.#key = new WasmKey(arena, key);
  }

  /**
   * Writes the tag of `length` bytes at `offset` behind them.
   *
   * @param buffer of the arena
   * @throws {TypeError} it is not
   * @throws {RangeError} text and tag are not within it
   */
  writeTag(counter: number, buffer: Uint8Array, offset: number, length: number): void {
    const data = this.#addressOf(buffer, offset, length);
    const key = this.#key.address;
    this.#kernels.writeTag(key, 0, counter, (counter / 2 ** 32) | 0, data, length);
  }

  /** Whether the tag behind the text is right; compares in constant time. Throws as `writeTag`. */
  checkTag(counter: number, buffer: Uint8Array, offset: number, length: number): boolean {
    const data = this.#addressOf(buffer, offset, length);
    const key = this.#key.address;
    return this.#kernels.checkTag(key, 0, counter, (counter / 2 ** 32) | 0, data, length) === 1;
  }

  /**
   * `writeTag` for who has the one-time key, because block 0 was made along with the text.
   *
   * @param oneTimeKey where in the buffer it stands, 32 bytes. They stay.
   */
  writeTagWith(oneTimeKey: number, buffer: Uint8Array, offset: number, length: number): void {
    const data = this.#addressOf(buffer, offset, length);
    const key = this.#addressOf(buffer, oneTimeKey, KEY_LENGTH - TAG_LENGTH);
    this.#kernels.writeTagTo(data + length, key, data, length);
  }

  /** Wipes the key; this is not used afterwards. */
  destroy(): void {
    this.#key.destroy();
  }

  #addressOf(buffer: Uint8Array, offset: number, length: number): number {
    if (!this.#arena.owns(buffer)) throw new TypeError('"buffer" expected a view of the arena');
    checkText(buffer, offset, length);
    return buffer.byteOffset + offset;
  }
}
