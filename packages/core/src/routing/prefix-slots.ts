/**
 * `PrefixSlots`: a table for lookups in a large `PrefixTrie`. Some bits of the address select a
 * slot, and the slot says at which node the lookup starts.
 *
 * ```
 *   base 10.0.0.0/8, 4 bits      slot 0011   start   the first node of at least 8 + 4 bits that
 *   10.0011....                                      begins with 10.0011, or none
 *                                            label   owner and length of the longest prefix that
 *                                                    contains 10.0011, has fewer than 8 + 4 bits
 *                                                    and has an owner; or 0
 * ```
 * Each node that a lookup visits costs a wait for memory. With the table, a lookup skips the nodes
 * near the root, which every lookup would visit.
 *
 * The base is the range that contains most of the prefixes. Peers usually have addresses from one
 * range, and all IPv6 addresses of the Internet begin with the same three bits. For an address
 * outside the base, the lookup starts at the root.
 *
 * @module
 */
import { beginAlike, wordAt } from './address-bits.ts';
import { lengthIn, ownerIn, type LookupStarts, type PrefixNodes } from './prefix-nodes.ts';

export class PrefixSlots implements LookupStarts {
  /**
   * The number of slot bits that `slotBitsFor` returns for the number of prefixes. The table has
   * fewer slot bits if the addresses have fewer bits after the base.
   */
  readonly wantedBits: number;
  readonly #nodes: PrefixNodes;
  readonly #base: Uint8Array;
  readonly #baseLength: number;
  /** The number of bits of the base and of the slot together. */
  readonly #depth: number;
  /**
   * Byte offset of a 4-byte word that contains the last bits of the base and all bits of the slot.
   */
  readonly #skip: number;
  /**
   * The word of the base at `#skip`. An address within the base differs from it only in the bits
   * after the base.
   */
  readonly #baseWord: number;
  /** The number of bits that follow the slot in the word at `#skip`. */
  readonly #shift: number;
  /** Two entries for each slot: start and label. */
  readonly #table: Int32Array;

  /**
   * @param root the root of the trie
   * @param prefixes how many prefixes the trie has; enough for a table
   * @throws {RangeError} out of memory
   */
  constructor(nodes: PrefixNodes, byteLength: 4 | 16, root: number, prefixes: number) {
    const base = denseNode(nodes, root, prefixes - (prefixes >>> 3));
    this.wantedBits = slotBitsFor(prefixes);
    this.#nodes = nodes;
    this.#base = new Uint8Array(byteLength);
    nodes.readKey(base, this.#base);
    this.#baseLength = nodes.lengthOf(base);
    const bits = Math.min(this.wantedBits, byteLength * 8 - this.#baseLength);
    this.#depth = this.#baseLength + bits;
    this.#skip = this.#depth <= 32 ? 0 : Math.min(this.#baseLength >>> 3, byteLength - 4);
    this.#baseWord = wordAt(this.#base, this.#skip);
    this.#shift = this.#skip * 8 + 32 - this.#depth;
    this.#table = new Int32Array(2 << bits);
    this.#fill(root, new Uint8Array(byteLength));
  }

  /**
   * Returns the slot of the address at `offset`; negative if the lookup must start at the root.
   *
   * @param first the first word of the address
   */
  slotOf(first: number, buffer: Uint8Array, offset: number): number {
    if (this.#skip !== 0 && !this.#isBelow(buffer, offset)) return OUTSIDE;
    const word = this.#skip === 0 ? first : wordAt(buffer, offset + this.#skip);
    // If a bit of the base differs, the result is too large for a slot.
    const slot = (word ^ this.#baseWord) >>> this.#shift;
    // `| 0` makes it a signed integer for V8, which stores unsigned words as doubles.
    return slot < this.#table.length >>> 1 ? slot | 0 : OUTSIDE;
  }

  /** Returns the node where the lookup starts; 0 if there is none. */
  startOf(slot: number): number {
    return this.#table[slot << 1];
  }

  /**
   * Returns the owner of the longest prefix above the starting node of the slot; 0 if there is
   * none.
   */
  ownerOf(slot: number): number {
    return ownerIn(this.#table[(slot << 1) | 1]);
  }

  /**
   * Updates the table after a prefix was added or removed in the trie at `root`, or has a new
   * owner.
   */
  update(root: number, address: Uint8Array, length: number): void {
    if (length >= this.#depth) this.#updateStart(root, address);
    else this.#paint(address, length, this.#longestLabel(root, address, length));
  }

  /** Returns whether the address has the same first `#skip` bytes as the base. */
  #isBelow(buffer: Uint8Array, offset: number): boolean {
    for (let i = 0; i < this.#skip; i++) if (buffer[offset + i] !== this.#base[i]) return false;
    return true;
  }

  #updateStart(root: number, address: Uint8Array): void {
    const slot = this.slotOf(wordAt(address, 0), address, 0);
    if (slot < 0) return;
    const nodes = this.#nodes;
    let node = root;
    while (node !== NONE && nodes.lengthOf(node) < this.#depth) node = nodes.next(node, address);
    // The loop has tested only one bit of the address at each node, so the other bits are compared
    // here.
    const isOfSlot = node !== NONE && nodes.commonBits(node, address) >= this.#depth;
    this.#table[slot * 2] = isOfSlot ? node : NONE;
  }

  /**
   * Looks at the prefixes that contain the address, have an owner and have at most `length` bits.
   * Returns the label of the longest of these prefixes; 0 if there is none.
   */
  #longestLabel(root: number, address: Uint8Array, length: number): number {
    const nodes = this.#nodes;
    let label = 0;
    for (let node = root; node !== NONE; node = nodes.next(node, address)) {
      if (nodes.lengthOf(node) > length || !nodes.covers(node, address)) break;
      if (nodes.ownerOf(node) !== NONE) label = nodes.labelOf(node);
    }
    return label;
  }

  /** Writes a label to all slots of a prefix, except those with the label of a longer prefix. */
  #paint(address: Uint8Array, length: number, label: number): void {
    if (!this.#meets(address, length)) return;
    const slots = 1 << (this.#depth - Math.max(length, this.#baseLength));
    const first =
      length > this.#baseLength ? this.slotOf(wordAt(address, 0), address, 0) & -slots : 0;
    for (let at = first * 2 + 1; at < (first + slots) * 2; at += 2) {
      if (lengthIn(this.#table[at]) <= length) this.#table[at] = label;
    }
  }

  /** Returns whether the prefix contains the base, or the base contains the prefix. */
  #meets(address: Uint8Array, length: number): boolean {
    return beginAlike(this.#base, address, Math.min(length, this.#baseLength));
  }

  /**
   * Fills the table from `node` down. Shorter prefixes come before longer ones.
   *
   * @param key overwritten
   */
  #fill(node: number, key: Uint8Array): void {
    if (node === NONE) return;
    const nodes = this.#nodes;
    const length = nodes.lengthOf(node);
    nodes.readKey(node, key);
    if (!this.#meets(key, length)) return;
    if (length >= this.#depth) {
      this.#table[this.slotOf(wordAt(key, 0), key, 0) * 2] = node;
      return;
    }
    if (nodes.ownerOf(node) !== NONE) this.#paint(key, length, nodes.labelOf(node));
    this.#fill(nodes.childOf(node, 0), key);
    this.#fill(nodes.childOf(node, 1), key);
  }
}

/** Returns how many slot bits the table for this many prefixes has; 0 means no table. */
export function slotBitsFor(prefixes: number): number {
  if (prefixes < FEWEST_PREFIXES) return 0;
  return Math.min(31 - Math.clz32(prefixes) + EXTRA_BITS, MOST_BITS);
}

/**
 * Returns the lowest node with at least `enough` prefixes in its subtree. `enough` must be more
 * than half of all prefixes.
 */
function denseNode(nodes: PrefixNodes, root: number, enough: number): number {
  let dense = NONE;
  const weigh = (node: number): number => {
    if (node === NONE) return 0;
    const below = weigh(nodes.childOf(node, 0)) + weigh(nodes.childOf(node, 1));
    const weight = nodes.ownerOf(node) === NONE ? below : below + 1;
    // All other nodes with at least `enough` prefixes below them are above this node.
    if (dense === NONE && weight >= enough) dense = node;
    return weight;
  };
  weigh(root);
  return dense;
}

/** Means "no node" and "no owner". */
const NONE = 0;
/** Returned in place of a slot. */
const OUTSIDE = -1;
/**
 * If a trie has fewer prefixes than this, it has no table, because a lookup visits only a few
 * nodes, which are in the cache.
 */
const FEWEST_PREFIXES = 256;
/** There are 2 to 4 slots per prefix, so that most prefixes have a slot for themselves. */
const EXTRA_BITS = 2;
/** The limit of the table's size: 32 MiB. */
const MOST_BITS = 22;
