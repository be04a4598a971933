/**
 * `PrefixNodes`: the nodes of a `PrefixTrie`, as rows of one typed array.
 *
 * ```
 *   IPv4   | child 0 | child 1 | label | key |                        16 bytes
 *   IPv6   | child 0 | child 1 | label | key, 4 words | (unused) |    32 bytes
 *
 *   key    the prefix's address, host bits zero
 *   label  prefix length, 8 bits; owner, 24 bits
 * ```
 * In a large table, each node that a lookup visits costs a wait for memory. So everything that a
 * lookup reads from a node is in one row, and a row spans as few cache lines as possible.
 *
 * Row 0 means "none". Child 0 of a free row is the next free row.
 *
 * @module
 */
import { bitAt, leadingOnes, wordAt } from './address-bits.ts';

/** Gives lookups a starting node below the root. `PrefixSlots` implements it. */
export interface LookupStarts {
  /**
   * Returns the slot of the address at `offset`; negative if the lookup must start at the root.
   *
   * @param first the first word of the address
   */
  slotOf(first: number, buffer: Uint8Array, offset: number): number;
  /** Returns the node where the lookup starts; 0 if there is none. */
  startOf(slot: number): number;
  /**
   * Returns the owner of the longest prefix above the starting node of the slot; 0 if there is
   * none.
   */
  ownerOf(slot: number): number;
}

/** The rows of the nodes, and the operations on them. */
export class PrefixNodes {
  readonly #words: 1 | 4;
  readonly #maxLength: 32 | 128;
  /** The row of node `n` begins at `n << shift`. */
  readonly #shift: 2 | 3;
  #rows: Int32Array;
  #free: number = NONE;
  #freeCount = 0;
  /** The first row that was never used. No later row was used either. */
  #end = 1;

  constructor(byteLength: 4 | 16) {
    this.#words = byteLength === 4 ? 1 : 4;
    this.#maxLength = byteLength === 4 ? 32 : 128;
    this.#shift = byteLength === 4 ? 2 : 3;
    this.#rows = new Int32Array(FIRST_CAPACITY << this.#shift);
  }

  /** The number of rows, used or not. */
  get capacity(): number {
    return this.#rows.length >>> this.#shift;
  }

  /**
   * Returns the owner of the longest prefix of the address at `offset`; 0 if there is none.
   *
   * Every packet needs a lookup. So this function calls almost no other function, which saves
   * instructions. Because a lookup has few instructions, the processor can start several of the
   * next lookups while it waits for the memory of this lookup.
   *
   * @param slots the table that gives the starting node; undefined if the trie has no table
   */
  lookup(
    root: number,
    slots: LookupStarts | undefined,
    buffer: Uint8Array,
    offset: number,
  ): number {
    const first = wordAt(buffer, offset);
    let node = root;
    let owner = NONE;
    if (slots !== undefined) {
      const slot = slots.slotOf(first, buffer, offset);
      if (slot >= 0) {
        node = slots.startOf(slot);
        owner = slots.ownerOf(slot);
      }
    }
    const rows = this.#rows;
    const shift = this.#shift;
    for (let at = node << shift; at !== NONE;) {
      const label = rows[at | LABEL];
      const length = label >>> LENGTH_SHIFT;
      let difference = rows[at | KEY] ^ first;
      let left = length;
      for (let word = 1; difference === 0 && left > 32; word++) {
        left -= 32;
        difference = rows[(at | KEY) + word] ^ wordAt(buffer, offset + word * 4);
      }
      if (Math.clz32(difference) < left) break;
      if ((label & OWNER) !== NONE) owner = label & OWNER;
      // A prefix that is as long as the address has no children, and the next bit may be beyond the
      // end of the buffer.
      if (length === this.#maxLength) break;
      at = rows[at | ((buffer[offset + (length >>> 3)] >>> (~length & 7)) & 1)] << shift;
    }
    return owner;
  }

  /**
   * Returns how many leading bits the address shares with the node's key, whose host bits are zero.
   */
  commonBits(node: number, address: Uint8Array): number {
    const at = (node << this.#shift) + KEY;
    for (let i = 0; i < this.#words; i++) {
      const difference = this.#rows[at + i] ^ wordAt(address, i * 4);
      if (difference !== 0) return i * 32 + Math.clz32(difference);
    }
    return this.#words * 32;
  }

  /** Returns whether the address begins with the node's prefix. */
  covers(node: number, address: Uint8Array): boolean {
    return this.commonBits(node, address) >= this.lengthOf(node);
  }

  /** Returns the label, which contains prefix length and owner. */
  labelOf(node: number): number {
    return this.#rows[(node << this.#shift) + LABEL];
  }

  lengthOf(node: number): number {
    return lengthIn(this.labelOf(node));
  }

  /** Returns the owner of the node; 0 if it has none. */
  ownerOf(node: number): number {
    return ownerIn(this.labelOf(node));
  }

  setOwner(node: number, owner: number): void {
    this.#rows[(node << this.#shift) + LABEL] = labelFor(this.lengthOf(node), owner);
  }

  childOf(node: number, side: number): number {
    return this.#rows[(node << this.#shift) + side];
  }

  setChild(node: number, side: number, child: number): void {
    this.#rows[(node << this.#shift) + side] = child;
  }

  /**
   * Returns the child on the side of the address. The node's prefix must be shorter than the
   * address.
   */
  next(node: number, address: Uint8Array): number {
    return this.childOf(node, bitAt(address, this.lengthOf(node)));
  }

  /** Writes the address of the node's prefix into `key`. */
  readKey(node: number, key: Uint8Array): void {
    const at = (node << this.#shift) + KEY;
    for (let i = 0; i < key.length; i++) key[i] = this.#rows[at + (i >>> 2)] >>> (24 - (i & 3) * 8);
  }

  /**
   * Allocates memory for `count` more nodes.
   *
   * @throws {RangeError} out of memory; then nothing has changed
   */
  reserve(count: number): void {
    if (this.#end + count - this.#freeCount <= this.capacity) return;
    this.#rows = grown(this.#rows, this.#rows.length * 2);
  }

  /**
   * Creates a node without children and owner, in a reserved row. Bits beyond the prefix are
   * ignored.
   */
  create(address: Uint8Array, length: number): number {
    const node = this.#free === NONE ? this.#end++ : this.#free;
    const at = node << this.#shift;
    if (node === this.#free) {
      this.#free = this.#rows[at];
      this.#freeCount--;
    }
    this.#rows[at] = NONE;
    this.#rows[at + 1] = NONE;
    this.#rows[at + LABEL] = labelFor(length, NONE);
    for (let i = 0; i < this.#words; i++) {
      this.#rows[at + KEY + i] = wordAt(address, i * 4) & leadingOnes(length - i * 32);
    }
    return node;
  }

  release(node: number): void {
    this.#rows[node << this.#shift] = this.#free;
    this.#free = node;
    this.#freeCount++;
  }

  /** Removes all nodes and frees their memory. */
  reset(): void {
    this.#rows = new Int32Array(FIRST_CAPACITY << this.#shift);
    this.#free = NONE;
    this.#freeCount = 0;
    this.#end = 1;
  }
}

/** Returns the prefix length in a label: 0 to 128 bits. */
export function lengthIn(label: number): number {
  return label >>> LENGTH_SHIFT;
}

/** Returns the owner in a label: 0 for none, at most `MAX_OWNER`. */
export function ownerIn(label: number): number {
  return label & OWNER;
}

/**
 * Returns a longer array that begins with the same values.
 *
 * @throws {RangeError} out of memory
 */
export function grown(array: Int32Array, length: number): Int32Array {
  const larger = new Int32Array(length);
  larger.set(array);
  return larger;
}

function labelFor(length: number, owner: number): number {
  return (length << LENGTH_SHIFT) | owner;
}

/** The greatest owner number that fits into a label. */
export const MAX_OWNER = 0xffffff;
/** Initial capacity in nodes, and in owners. */
export const FIRST_CAPACITY = 8;

// V8 looks up an exported constant each time it is read, so the constants of the lookup are not
// exported.

/** Means "no node" and "no owner". */
const NONE = 0;
/** Columns of a row. Columns 0 and 1 are the children. */
const LABEL = 2;
const KEY = 3;
/** Position of the prefix length in a label, and mask of the owner. */
const LENGTH_SHIFT = 24;
const OWNER = 0xffffff;
