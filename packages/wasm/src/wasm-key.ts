/**
 * `WasmKey`: the key of a cipher, and its slot in the module's memory.
 *
 * @module
 */
import { type OneTimeKeys } from '@litz/core';
import { checkLength, KEY_LENGTH, secretCopy, wipe } from '@litz/core/internals';
import type { KeySlots } from './key-slots.ts';
import type { WasmArena } from './wasm-arena.ts';

export class WasmKey implements OneTimeKeys {
  readonly #slots: KeySlots;
  readonly #slot: number;
  readonly #bytes: Uint8Array;
  #isDestroyed = false;

  /** @param key 32 bytes, copied */
  constructor({ keySlots }: WasmArena, key: Uint8Array) {
    checkLength('key', key, KEY_LENGTH);
    this.#slots = keySlots;
    this.#slot = keySlots.assign();
    this.#bytes = secretCopy(key);
  }

  /**
   * The address of the key, valid until another key is used.
   *
   * @throws {TypeError} the key was destroyed. Then its bytes are zeros, and no message may be
   *   encrypted with a key of zeros.
   */
  get address(): number {
    if (this.#isDestroyed) throw destroyed();
    return this.#slots.addressOf(this.#slot, this, this.#bytes);
  }

  /**
   * The address of block 0 of the key stream of the message with this counter, 64 bytes. Valid
   * until another key is used.
   *
   * @throws {TypeError} the key was destroyed
   */
  firstBlock(counter: number): number {
    return this.locate(counter) << 2;
  }

  get words(): Int32Array {
    return this.#slots.words;
  }

  locate(counter: number): number {
    if (this.#isDestroyed) throw destroyed();
    return this.#slots.firstBlockOf(this.#slot, this, this.#bytes, counter);
  }

  /** Writes the key into `out`, 32 bytes. */
  read(out: Uint8Array): void {
    if (this.#isDestroyed) throw destroyed();
    out.set(this.#bytes);
  }

  /** Wipes the key. Later uses throw. */
  destroy(): void {
    this.#isDestroyed = true;
    this.#slots.release(this.#slot, this);
    wipe(this.#bytes);
  }
}

function destroyed(): TypeError {
  return new TypeError('the cipher was destroyed');
}
