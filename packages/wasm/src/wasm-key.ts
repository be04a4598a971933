/**
 * `WasmKey`: the key of a cipher, and where the functions of the module find it.
 *
 * @module
 */
import { checkLength, KEY_LENGTH, wipe, type OneTimeKeys } from '@litz/core';
import type { KeySlots } from './key-slots.ts';
import type { WasmArena } from './wasm-arena.ts';

export class WasmKey implements OneTimeKeys {
  readonly #slots: KeySlots;
  readonly #slot: number;
  readonly #bytes: Uint8Array;

  /** @param key 32 bytes, copied */
  constructor({ keySlots }: WasmArena, key: Uint8Array) {
    checkLength('key', key, KEY_LENGTH);
    this.#slots = keySlots;
    this.#slot = keySlots.assign();
    this.#bytes = new Uint8Array(key);
  }

  /** It stands there until another key is asked for. */
  get address(): number {
    return this.#slots.addressOf(this.#slot, this, this.#bytes);
  }

  get words(): Int32Array {
    return this.#slots.words;
  }

  locate(counter: number): number {
    return this.#slots.firstBlockOf(this.#slot, this, this.#bytes, counter);
  }

  /** Wipes it; it is not asked for afterwards. */
  destroy(): void {
    this.#slots.release(this.#slot, this);
    wipe(this.#bytes);
  }
}
