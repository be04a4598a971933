/**
 * `PrefixTable`: a set of prefixes. Each prefix has an owner, and no two prefixes share an address.
 * `owners` finds the owners of all addresses in a given prefix. The prefix of an owner may lie in
 * the given prefix, or contain it.
 *
 * @module
 */
import type { Cidr } from '@litz/core';
import { networkOf } from '../record/cidr-relations.ts';

interface Range {
  /** The family and the first address as text. These texts sort in the order of the addresses. */
  readonly first: string;
  readonly last: string;
  readonly owner: string;
}

export class PrefixTable {
  /** Sorted by the first address. No two ranges share an address. */
  readonly #ranges: Range[] = [];

  get size(): number {
    return this.#ranges.length;
  }

  /** Yields the owners of the addresses in this prefix, from the lowest address on. */
  *owners(cidr: Readonly<Cidr>): Generator<string> {
    const { first, last } = rangeOf(cidr);
    for (let i = this.#indexOf(first); i < this.#ranges.length; i++) {
      const range = this.#ranges[i]!;
      if (range.first > last) return;
      yield range.owner;
    }
  }

  isFree(cidr: Readonly<Cidr>): boolean {
    return this.owners(cidr).next().done === true;
  }

  /**
   * Adds a prefix.
   *
   * @throws {RangeError} an address of the prefix already has an owner
   */
  add(cidr: Readonly<Cidr>, owner: string): void {
    if (!this.isFree(cidr)) throw new RangeError('the prefix has an owner');
    const { first, last } = rangeOf(cidr);
    this.#ranges.splice(this.#indexOf(first), 0, { first, last, owner });
  }

  /** Removes exactly this prefix. Does nothing if it is not in the table. */
  remove(cidr: Readonly<Cidr>): void {
    const { first, last } = rangeOf(cidr);
    const i = this.#indexOf(first);
    const range = this.#ranges[i];
    if (range?.first === first && range.last === last) this.#ranges.splice(i, 1);
  }

  /** Returns the index of the first range that ends at or after `first`. */
  #indexOf(first: string): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#ranges[middle]!.last < first) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function rangeOf(cidr: Readonly<Cidr>): { first: string; last: string } {
  const { address, prefixLength } = networkOf(cidr);
  const end = address.slice();
  for (let bit = prefixLength; bit < end.length * 8; bit++) end[bit >> 3]! |= 0x80 >> (bit & 7);
  // One call creates one flat string. A concatenated string would keep its parts in memory.
  const family = address.length === 4 ? 0x34 : 0x36;
  return {
    first: String.fromCharCode(family, ...address),
    last: String.fromCharCode(family, ...end),
  };
}
