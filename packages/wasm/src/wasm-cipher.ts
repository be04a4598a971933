/**
 * Transport ciphers on a `WasmArena`: in place for bytes that stand in it, by a copy for others.
 *
 * @module
 */
import type { Cipher } from '@litz/core';
import type { WasmArena } from './wasm-arena.ts';

export class WasmCiphers {
  readonly #arena: WasmArena;
  readonly #keyWords: Uint32Array;
  /** Whose key stands in the memory. */
  #current: Uint32Array | undefined = undefined;

  constructor(arena: WasmArena) {
    this.#arena = arena;
    const { memory, places } = arena;
    this.#keyWords = new Uint32Array(memory.buffer, places.KEY, 8);
  }

  /** @param key 32 bytes, copied */
  create(key: Uint8Array): Cipher {
    if (key.length !== 32) throw new RangeError(`"key" expected 32 bytes, got ${key.length}`);
    const words = new Uint32Array(key.slice().buffer);
    const { functions, memory } = this.#arena;
    const { buffer: own } = memory;
    return {
      seal: (counter, buffer, offset, length) => {
        if (this.#current !== words) this.#use(words);
        const high = (counter / 2 ** 32) | 0;
        if (buffer.buffer === own) {
          functions.seal(0, counter | 0, high, 0, 0, buffer.byteOffset + offset, length);
        } else {
          this.#sealOutside(counter | 0, high, buffer, offset, length);
        }
      },
      open: (counter, buffer, offset, length) => {
        if (this.#current !== words) this.#use(words);
        const high = (counter / 2 ** 32) | 0;
        if (buffer.buffer !== own) {
          return this.#openOutside(counter | 0, high, buffer, offset, length);
        }
        const at = buffer.byteOffset + offset;
        return functions.open(0, counter | 0, high, 0, 0, at, length) === 1;
      },
      destroy: () => {
        if (this.#current === words) this.forget();
        words.fill(0);
      },
    };
  }

  /** Wipes the key that stands in the memory; also for whoever puts another one there. */
  forget(): void {
    this.#keyWords.fill(0);
    this.#current = undefined;
  }

  #use(words: Uint32Array): void {
    this.#keyWords.set(words);
    this.#current = words;
  }

  #sealOutside(
    low: number,
    high: number,
    buffer: Uint8Array,
    offset: number,
    length: number,
  ): void {
    const { functions, memory, places } = this.#arena;
    const at = this.#copyIn(buffer, offset, length);
    functions.seal(0, low, high, 0, 0, at, length);
    buffer.set(memory.subarray(places.WINDOW, places.WINDOW + length + 16), offset);
    memory.fill(0, places.WINDOW, places.WINDOW + length + 16);
  }

  #openOutside(
    low: number,
    high: number,
    buffer: Uint8Array,
    offset: number,
    length: number,
  ): boolean {
    const { functions, memory, places } = this.#arena;
    const at = this.#copyIn(buffer, offset, length + 16);
    const isRight = functions.open(0, low, high, 0, 0, at, length) === 1;
    if (isRight) buffer.set(memory.subarray(at, at + length), offset);
    memory.fill(0, places.WINDOW, places.WINDOW + length + 16);
    return isRight;
  }

  #copyIn(buffer: Uint8Array, offset: number, length: number): number {
    const { memory, places } = this.#arena;
    if (length + 16 > places.WINDOW_LENGTH) {
      const most = places.WINDOW_LENGTH - 16;
      throw new RangeError(`"length" expected at most ${most} outside of the arena, got ${length}`);
    }
    memory.set(buffer.subarray(offset, offset + length), places.WINDOW);
    return places.WINDOW;
  }
}
