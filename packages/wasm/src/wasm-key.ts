/**
 * `WasmKey`: the key of a cipher, and where the functions of the module find it.
 *
 * @module
 */
import { checkLength, KEY_LENGTH, wipe } from '@litz/core';
import type { KeySlots } from './key-slots.ts';
import type { WasmArena } from './wasm-arena.ts';

export class WasmKey {
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

  /** Wipes it; it is not asked for afterwards. */
  destroy(): void {
    this.#slots.release(this.#slot, this);
    wipe(this.#bytes);
  }
}
