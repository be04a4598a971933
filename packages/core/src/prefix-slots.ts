/**
 * `PrefixSlots`: where a look-up in a large trie begins: a table by the first bits of the address.
 *
 * ```
 *   4 bits   slot 1010   start   the first node of at least 4 bits that begins with 1010, or none
 *                        owner   whose the longest shorter prefix of 1010 is, or nobody's
 * ```
 * Going down from the root, each node is somewhere else in memory; this jumps over all of those that
 * every look-up would pass.
 *
 * @module
 */

export class PrefixSlots {
  readonly bits: number;
  /** By slot: a node, or 0. */
  readonly starts: Int32Array;
  /** By slot: an owner, or 0. */
  readonly owners: Int32Array;
  /** Of the owner's prefix, and 1; 0: there is none. */
  readonly #lengths: Uint8Array;

  /** @param bits 1 to 24 */
  constructor(bits: number) {
    this.bits = bits;
    this.starts = new Int32Array(1 << bits);
    this.owners = new Int32Array(1 << bits);
    this.#lengths = new Uint8Array(1 << bits);
  }

  /** Of the address at `offset`. */
  slotOf(buffer: Uint8Array, offset: number): number {
    const word =
      (buffer[offset] << 24) |
      (buffer[offset + 1] << 16) |
      (buffer[offset + 2] << 8) |
      buffer[offset + 3];
    return word >>> (32 - this.bits);
  }

  /** A prefix shorter than `bits` is `owner`'s now. */
  own(address: Uint8Array, prefixLength: number, owner: number): void {
    const first = this.slotOf(address, 0);
    const end = first + (1 << (this.bits - prefixLength));
    for (let slot = first; slot < end; slot++) {
      if (this.#lengths[slot] > prefixLength + 1) continue;
      this.#lengths[slot] = prefixLength + 1;
      this.owners[slot] = owner;
    }
  }

  /**
   * A prefix shorter than `bits` is nobody's any more.
   *
   * @param nextOwner whose the longest prefix of it is, 0: nobody's; with its length
   */
  disown(address: Uint8Array, prefixLength: number, nextOwner: number, nextLength: number): void {
    const first = this.slotOf(address, 0);
    const end = first + (1 << (this.bits - prefixLength));
    for (let slot = first; slot < end; slot++) {
      if (this.#lengths[slot] !== prefixLength + 1) continue;
      this.#lengths[slot] = nextOwner === 0 ? 0 : nextLength + 1;
      this.owners[slot] = nextOwner;
    }
  }
}

/** How many bits a trie of this many prefixes pays for; 0: none. */
export function slotBitsFor(prefixes: number): number {
  return prefixes < FEWEST_PREFIXES ? 0 : Math.min(31 - Math.clz32(prefixes), MOST_BITS);
}

/** With fewer a look-up goes down a few nodes that are in the cache. */
const FEWEST_PREFIXES = 256;
/** 9 MiB. */
const MOST_BITS = 20;
