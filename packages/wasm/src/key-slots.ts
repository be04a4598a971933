/**
 * `KeySlots`: slots in the module's memory for keys and for one-time keys that are computed in
 * advance.
 *
 * There may be more ciphers than slots. Each cipher keeps its own key and is assigned one slot,
 * which it shares with other ciphers. A cipher copies its key to the slot again if another cipher
 * has used the slot since. So any number of ciphers needs only a fixed number of slots. Ciphers
 * that are busy at the same time rarely share a slot, so keys are rarely copied again.
 *
 * @module
 */
import { KEY_LENGTH } from '@litz/core/internals';
import type { Kernels } from './kernels.ts';

export class KeySlots {
  /** The whole memory of the module, which includes the arena, as words of 32 bits. */
  readonly words: Int32Array;
  readonly #memory: Uint8Array;
  readonly #kernels: Kernels;
  readonly #start: number;
  readonly #blocksStart: number;
  /** For each slot, the cipher whose key is in the slot. */
  readonly #owners: (object | undefined)[];
  /**
   * For each slot, the first message counter of a group of four neighbouring counters. The slot
   * contains block 0 of the key stream for each of them. `NO_GROUP`: the slot contains no blocks.
   */
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

  /** Returns the slot for a new cipher. Other ciphers may have the same slot. */
  assign(): number {
    const slot = this.#next;
    this.#next = (slot + 1) % this.#owners.length;
    return slot;
  }

  /**
   * Returns the address of the owner's key (32 bytes). If the slot does not contain this key,
   * copies the key into the slot.
   */
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
   * Finds or computes block 0 of the key stream for the message with the counter `counter`. The
   * block has 64 bytes, and is valid until the slot is used again.
   *
   * The blocks 0 of four neighbouring counters are computed together, because messages come nearly
   * in the order of their counters. With SIMD, four blocks take as much time as a single block.
   * Without SIMD, four blocks take three times as much time as a single block.
   *
   * @returns where the block begins: an index in `words`
   */
  firstBlockOf(slot: number, owner: object, key: Uint8Array, counter: number): number {
    const place = counter & (GROUP_LENGTH - 1);
    const group = counter - place;
    const keyAddress = this.addressOf(slot, owner, key);
    const address = this.#blocksStart + slot * GROUP_BYTES;
    if (this.#groups[slot] !== group) {
      // A group never crosses 2^32, so all its counters have the same upper word.
      this.#kernels.firstBlocks(keyAddress, group, (group / 2 ** 32) | 0, address);
      this.#groups[slot] = group;
    }
    return (address + place * BLOCK_LENGTH) >> 2;
  }

  /** Wipes the slot, unless it has the key of another cipher. */
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

/** The number of counters in a group. It is a power of two, so it divides 2^32. */
const GROUP_LENGTH = 4;
const BLOCK_LENGTH = 64;
const GROUP_BYTES: number = GROUP_LENGTH * BLOCK_LENGTH;
/** No group begins with this counter, because it is not a multiple of `GROUP_LENGTH`. */
const NO_GROUP = -1;
