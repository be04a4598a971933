/**
 * `PrefixSlots`: where the look-ups in a large `PrefixTrie` begin: a table by some bits of the address.
 *
 * ```
 *   base 10.0.0.0/8, 4 bits      slot 0011   start   the first node of at least 8 + 4 bits that
 *   10.0011....                                      begins with 10.0011, or none
 *                                            label   of the longest shorter prefix of 10.0011 that is
 *                                                    somebody's, or 0
 * ```
 * Going down from the root, each node is somewhere else in memory; this jumps over all of those that
 * every look-up would pass.
 *
 * The base is where most of the prefixes are: peers are numbered from one range, and all IPv6
 * addresses of the Internet begin with the same three bits. An address outside of it goes down from
 * the root.
 *
 * @module
 */
import { beginAlike, wordAt } from './address-bits.ts';
import { lengthIn, ownerIn, type LookupStarts, type PrefixNodes } from './prefix-nodes.ts';

export class PrefixSlots implements LookupStarts {
  /** What was asked for; the table has fewer if the addresses have fewer bits behind the base. */
  readonly wantedBits: number;
  readonly #nodes: PrefixNodes;
  readonly #base: Uint8Array;
  readonly #baseLength: number;
  /** Bits of the base and of the slot. */
  readonly #depth: number;
  /** The last bits of the base and all of the slot stand in the 4 bytes from here on. */
  readonly #skip: number;
  /** What the base has there; an address below the base differs only in what follows. */
  readonly #baseWord: number;
  /** Bits of this word behind the slot. */
  readonly #shift: number;
  /** By slot: start and label. */
  readonly #table: Int32Array;

  /**
   * @param root of the trie
   * @param prefixes so many it has, enough for a table
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
   * Where the look-up of the address at `offset` begins; negative: at the root.
   *
   * @param first its first word
   */
  slotOf(first: number, buffer: Uint8Array, offset: number): number {
    if (this.#skip !== 0 && !this.#isBelow(buffer, offset)) return OUTSIDE;
    const word = this.#skip === 0 ? first : wordAt(buffer, offset + this.#skip);
    // A bit of the base that differs makes a number that is too large.
    const slot = (word ^ this.#baseWord) >>> this.#shift;
    // Signed, though it is never negative: V8 makes a double of a word that may have no sign.
    return slot < this.#table.length >>> 1 ? slot | 0 : OUTSIDE;
  }

  /** The node where it begins, 0 if there is none. */
  startOf(slot: number): number {
    return this.#table[slot << 1];
  }

  /** Whose the longest prefix is that ends before this node. */
  ownerOf(slot: number): number {
    return ownerIn(this.#table[(slot << 1) | 1]);
  }

  /** In the trie at `root` a prefix has come or gone, or has another owner. */
  update(root: number, address: Uint8Array, length: number): void {
    if (length >= this.#depth) this.#updateStart(root, address);
    else this.#paint(address, length, this.#longestLabel(root, address, length));
  }

  /** Whether the address begins with the whole bytes of the base. */
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
    // The way down did not look at the bits between the nodes.
    const isOfSlot = node !== NONE && nodes.commonBits(node, address) >= this.#depth;
    this.#table[slot * 2] = isOfSlot ? node : NONE;
  }

  /** Of the longest prefix of at most `length` bits that the address has and that is somebody's. */
  #longestLabel(root: number, address: Uint8Array, length: number): number {
    const nodes = this.#nodes;
    let label = 0;
    for (let node = root; node !== NONE; node = nodes.next(node, address)) {
      if (nodes.lengthOf(node) > length || !nodes.covers(node, address)) break;
      if (nodes.ownerOf(node) !== NONE) label = nodes.labelOf(node);
    }
    return label;
  }

  /** Labels all slots of a prefix, unless they have the label of a longer one. */
  #paint(address: Uint8Array, length: number, label: number): void {
    if (!this.#meets(address, length)) return;
    const slots = 1 << (this.#depth - Math.max(length, this.#baseLength));
    const first =
      length > this.#baseLength ? this.slotOf(wordAt(address, 0), address, 0) & -slots : 0;
    for (let at = first * 2 + 1; at < (first + slots) * 2; at += 2) {
      if (lengthIn(this.#table[at]) <= length) this.#table[at] = label;
    }
  }

  /** Whether the prefix and the base have addresses in common: one is a prefix of the other. */
  #meets(address: Uint8Array, length: number): boolean {
    return beginAlike(this.#base, address, Math.min(length, this.#baseLength));
  }

  /**
   * From `node` down: a shorter prefix comes before those that are longer.
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

/** How many bits a trie of this many prefixes pays for; 0: none. */
export function slotBitsFor(prefixes: number): number {
  if (prefixes < FEWEST_PREFIXES) return 0;
  return Math.min(31 - Math.clz32(prefixes) + EXTRA_BITS, MOST_BITS);
}

/** The lowest node that has `enough` prefixes, itself and below: more than half of those of the trie. */
function denseNode(nodes: PrefixNodes, root: number, enough: number): number {
  let dense = NONE;
  const weigh = (node: number): number => {
    if (node === NONE) return 0;
    const below = weigh(nodes.childOf(node, 0)) + weigh(nodes.childOf(node, 1));
    const weight = nodes.ownerOf(node) === NONE ? below : below + 1;
    // Only the nodes above this one have so many as well.
    if (dense === NONE && weight >= enough) dense = node;
    return weight;
  };
  weigh(root);
  return dense;
}

/** No node, and no owner. */
const NONE = 0;
/** Instead of a slot. */
const OUTSIDE = -1;
/** With fewer a look-up goes down a few nodes that are in the cache. */
const FEWEST_PREFIXES = 256;
/** 2 to 4 slots for each prefix, so that most of them are alone in theirs. */
const EXTRA_BITS = 2;
/** 32 MiB. */
const MOST_BITS = 22;
