/**
 * `KeySlots`: places in the module's memory for keys, and for what is made of them ahead.
 *
 * There are fewer places than there may be ciphers. A cipher keeps its key itself, has one place that
 * it shares with others, and puts the key there again when another one's was put there since. Those
 * that are busy at the same time rarely meet. So idle ones, however many, take no room.
 *
 * @module
 */
import { KEY_LENGTH } from '@litz/core/internals';
import type { Kernels } from './kernels.ts';

export class KeySlots {
  /** All of the module's memory and of the arena's. */
  readonly words: Int32Array;
  readonly #memory: Uint8Array;
  readonly #kernels: Kernels;
  readonly #start: number;
  readonly #blocksStart: number;
  /** By slot: whose key is in it. */
  readonly #owners: (object | undefined)[];
  /** By slot: the first of the counters whose blocks are in it. */
  readonly #groups: Float64Array;
  #next = 0;

  constructor(memory: Uint8Array, kernels: Kernels) {
    this.#memory = memory;
    this.words = new Int32Array(memory.buffer);
    this.#kernels = kernels;
    this.#start = kernels.KEY_SLOTS.value;
    this.#blocksStart = kernels.FIRST_BLOCKS.value;
    this.#owners = Array.from({ length: kernels.KEY_SLOT_COUNT.value }, () => undefined);
    this.#groups = new Float64Array(this.#owners.length).fill(NO_GROUP);
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
      this.#wipeBlocks(slot);
      this.#memory.set(key, address);
      this.#owners[slot] = owner;
    }
    return address;
  }

  /**
   * Where in `words` block 0 of the stream of a counter begins (64 bytes, until the slot is used
   * again). It is made along with those of its neighbours, which takes little longer: counters come
   * nearly in order. With SIMD one that does not costs what a block alone would, without it three times
   * as much.
   */
  firstBlockOf(slot: number, owner: object, key: Uint8Array, counter: number): number {
    const place = counter & (GROUP_LENGTH - 1);
    const group = counter - place;
    const keyAddress = this.addressOf(slot, owner, key);
    const address = this.#blocksStart + slot * GROUP_BYTES;
    if (this.#groups[slot] !== group) {
      // A group never crosses 2^32: its upper words are the same.
      this.#kernels.firstBlocks(keyAddress, group, (group / 2 ** 32) | 0, address);
      this.#groups[slot] = group;
    }
    return (address + place * BLOCK_LENGTH) >> 2;
  }

  /** Wipes the slot, unless it is another one's by now. */
  release(slot: number, owner: object): void {
    if (this.#owners[slot] !== owner) return;
    const address = this.#start + slot * KEY_LENGTH;
    this.#memory.fill(0, address, address + KEY_LENGTH);
    this.#wipeBlocks(slot);
    this.#owners[slot] = undefined;
  }

  #wipeBlocks(slot: number): void {
    if (this.#groups[slot] === NO_GROUP) return;
    const address = this.#blocksStart + slot * GROUP_BYTES;
    this.#memory.fill(0, address, address + GROUP_BYTES);
    this.#groups[slot] = NO_GROUP;
  }
}

/** A power of two, which divides 2^32. */
const GROUP_LENGTH = 4;
const BLOCK_LENGTH = 64;
const GROUP_BYTES: number = GROUP_LENGTH * BLOCK_LENGTH;
/** No multiple of the length. */
const NO_GROUP = -1;
