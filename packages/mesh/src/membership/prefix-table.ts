/**
 * `PrefixTable`: prefixes that share no address, each with an owner; finds whose addresses a prefix would
 * touch, wherever it lies to them.
 *
 * @module
 */
import type { Cidr } from '@litz/core';
import { networkOf } from '../record/cidr-relations.ts';

interface Range {
  /** Family and first address, so that texts sort as addresses do. */
  readonly first: string;
  readonly last: string;
  readonly owner: string;
}

export class PrefixTable {
  /** By the first address; no two share one. */
  readonly #ranges: Range[] = [];

  get size(): number {
    return this.#ranges.length;
  }

  /** The owners of the addresses of this prefix, from the lowest address on. */
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

  /** @throws {RangeError} somebody has an address of it */
  add(cidr: Readonly<Cidr>, owner: string): void {
    if (!this.isFree(cidr)) throw new RangeError('the prefix has an owner');
    const { first, last } = rangeOf(cidr);
    this.#ranges.splice(this.#indexOf(first), 0, { first, last, owner });
  }

  /** Exactly this prefix; nothing where it isn't there. */
  remove(cidr: Readonly<Cidr>): void {
    const { first, last } = rangeOf(cidr);
    const i = this.#indexOf(first);
    const range = this.#ranges[i];
    if (range?.first === first && range.last === last) this.#ranges.splice(i, 1);
  }

  /** The first range that ends at `first` or behind it. */
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
  // In one piece: a text that was put together keeps its pieces.
  const family = address.length === 4 ? 0x34 : 0x36;
  return {
    first: String.fromCharCode(family, ...address),
    last: String.fromCharCode(family, ...end),
  };
}
