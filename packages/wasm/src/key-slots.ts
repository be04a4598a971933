/**
 * `KeySlots`: places for keys in the module's memory.
 *
 * There are fewer places than there may be ciphers. A cipher keeps its key itself, has one place that
 * it shares with others, and puts the key there again when another one's was put there since. Those
 * that are busy at the same time rarely meet.
 *
 * @module
 */
import { KEY_LENGTH } from '@litz/core';
import type { Kernels } from './kernels.ts';

export class KeySlots {
  readonly #memory: Uint8Array;
  readonly #start: number;
  /** By slot: whose key is in it. */
  readonly #owners: (object | undefined)[];
  #next = 0;

  constructor(memory: Uint8Array, { KEY_SLOTS, KEY_SLOT_COUNT }: Kernels) {
    this.#memory = memory;
    this.#start = KEY_SLOTS.value;
    this.#owners = Array.from({ length: KEY_SLOT_COUNT.value }, () => undefined);
  }

  /** A place for another cipher. */
  assign(): number {
    const slot = this.#next;
    this.#next = (slot + 1) % this.#owners.length;
    return slot;
  }

  /** The address of the owner's key (32 bytes, copied into the slot if it is not there). */
  addressOf(slot: number, owner: object, key: Uint8Array): number {
    const address = this.#start + slot * KEY_LENGTH;
    if (this.#owners[slot] !== owner) {
      this.#memory.set(key, address);
      this.#owners[slot] = owner;
    }
    return address;
  }

  /** Wipes the slot, unless it is another one's by now. */
  release(slot: number, owner: object): void {
    if (this.#owners[slot] !== owner) return;
    const address = this.#start + slot * KEY_LENGTH;
    this.#memory.fill(0, address, address + KEY_LENGTH);
    this.#owners[slot] = undefined;
  }
}
