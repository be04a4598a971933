/**
 * `AllowedIps`: the cryptokey routing table, section 2 of the WireGuard paper. It finds the peer of
 * an address.
 *
 * There is one table per device. A prefix belongs to exactly one peer, and the longest matching
 * prefix decides. IPv4 and IPv6 have separate tries (`prefix-trie.ts` has a drawing of a trie).
 *
 * ```
 *   lookup(10.1.3.7) -> trie -> owner 2 -> values[2] -> peer
 *   entries(peer) -> ownerOfValue.get(peer) = 2 -> the ring of its nodes
 * ```
 *
 * @module
 */
import type { AllowedIp } from '../configuration.ts';
import { MAX_OWNER } from './prefix-nodes.ts';
import { Prefix } from '../text/cidr.ts';
import { PrefixTrie } from './prefix-trie.ts';
import { runSteps, type Steps } from '../steps.ts';

/** `T` is the type of the values that addresses are mapped to. Values are compared by reference. */
export class AllowedIps<T> {
  readonly #v4: PrefixTrie = new PrefixTrie(4);
  readonly #v6: PrefixTrie = new PrefixTrie(16);
  /** Indexed by owner number. Owner 0 means "no owner". */
  readonly #values: (T | undefined)[] = [undefined];
  readonly #ownerOfValue: Map<T, number> = new Map();
  readonly #freeOwners: number[] = [];
  readonly #maxValues: number;

  /**
   * @param maxValues how many values may have prefixes; the default and the maximum is 16,777,215
   */
  constructor(maxValues: number = MAX_OWNER) {
    this.#maxValues = Math.min(maxValues, MAX_OWNER);
  }

  /**
   * Returns the value whose prefix is the longest that matches an address; undefined if none
   * matches. The address is the `byteLength` bytes at `offset`. Allocates nothing. Bytes beyond the
   * end of the buffer count as zero.
   */
  lookup(buffer: Uint8Array, offset: number, byteLength: 4 | 16): T | undefined {
    const trie = byteLength === 4 ? this.#v4 : this.#v6;
    return this.#values[trie.lookup(buffer, offset)];
  }

  /**
   * Assigns a prefix to `value`. If another value has the prefix, the prefix moves to `value`.
   * Lookups find one of the two values at every moment. Host bits are masked; the bytes (4 or 16)
   * are copied.
   *
   * @throws {TypeError} `address` is not 4 or 16 bytes long
   * @throws {RangeError} `prefixLength` does not fit the address, or the table has its maximum
   *   number of values; then nothing has changed
   */
  insert(address: Uint8Array, prefixLength: number, value: T): void {
    const trie = this.#trieFor(address, prefixLength);
    const before = trie.ownerOf(address, prefixLength);
    trie.insert(address, prefixLength, this.#ownerFor(value));
    this.#releaseIfEmpty(before);
  }

  /**
   * Removes a prefix from `value`. Does nothing if the prefix is not there or belongs to another
   * value.
   *
   * @throws {TypeError} `address` is not 4 or 16 bytes long
   * @throws {RangeError} `prefixLength` does not fit the address
   */
  remove(address: Uint8Array, prefixLength: number, value: T): void {
    const trie = this.#trieFor(address, prefixLength);
    const owner = this.#ownerOfValue.get(value);
    if (owner === undefined || trie.ownerOf(address, prefixLength) !== owner) return;
    trie.remove(address, prefixLength);
    this.#releaseIfEmpty(owner);
  }

  /**
   * Removes all prefixes of `value`. The cost depends on their number, not on the size of the
   * table.
   */
  removeAll(value: T): void {
    runSteps(this.removeAllInSteps(value));
  }

  /**
   * Does what `removeAll` does, in steps. Between two steps, the other values may get and lose
   * prefixes.
   */
  *removeAllInSteps(value: T): Steps {
    const owner = this.#ownerOfValue.get(value);
    if (owner !== undefined) yield* this.#removeOwner(owner);
  }

  /**
   * Replaces all prefixes of `value` by new ones, in steps. If `value` had a prefix before and
   * keeps it, lookups find that prefix at every moment. Until the last step, `entries` returns the
   * new prefixes only. Between two steps, the other values may get and lose prefixes.
   *
   * @param prefixes applied in this order; an entry with `remove` removes an earlier entry
   * @throws what `insert` throws; `value` may then have old and new prefixes
   */
  *replaceInSteps(value: T, prefixes: Iterable<AllowedIp>): Steps {
    const old = this.#ownerOfValue.get(value);
    // The value gets a second owner number. Lookups find the value by both numbers.
    const owner = this.#newOwner(value);
    for (const { address, prefixLength, remove } of prefixes) {
      const trie = this.#trieFor(address, prefixLength);
      const before = trie.ownerOf(address, prefixLength);
      if (remove !== true) {
        trie.insert(address, prefixLength, owner);
        if (before !== old && before !== owner) this.#releaseIfEmpty(before);
      } else if (before === owner) trie.remove(address, prefixLength);
      yield;
    }
    if (old !== undefined) yield* this.#removeOwner(old);
    this.#releaseIfEmpty(owner);
  }

  /**
   * Returns copies of the prefixes of `value`: IPv4 first; within a family, in the order in which
   * the prefixes were added.
   */
  entries(value: T): AllowedIp[] {
    return [...this.prefixesOf(value)];
  }

  /** Iterates over what `entries` returns. Valid until the table changes. */
  *prefixesOf(value: T): Generator<AllowedIp, void, undefined> {
    const owner = this.#ownerOfValue.get(value);
    if (owner === undefined) return;
    for (const trie of [this.#v4, this.#v6]) {
      for (let node = trie.firstOf(owner); node !== 0; node = trie.nextOf(node)) {
        yield new Prefix(trie.addressOf(node), trie.prefixLengthOf(node));
      }
    }
  }

  *#removeOwner(owner: number): Steps {
    while (this.#v4.removeOldest(owner) || this.#v6.removeOldest(owner)) yield;
    this.#releaseIfEmpty(owner);
  }

  #trieFor(address: Uint8Array, prefixLength: number): PrefixTrie {
    if (address.length !== 4 && address.length !== 16) {
      throw new TypeError(`"address" expected 4 or 16 bytes, got ${address.length}`);
    }
    const bits = address.length * 8;
    if (!Number.isInteger(prefixLength) || prefixLength < 0 || prefixLength > bits) {
      throw new RangeError(`"prefixLength" expected 0 to ${bits}, got ${prefixLength}`);
    }
    return address.length === 4 ? this.#v4 : this.#v6;
  }

  #ownerFor(value: T): number {
    return this.#ownerOfValue.get(value) ?? this.#newOwner(value);
  }

  #newOwner(value: T): number {
    const owner = this.#freeOwners.pop() ?? this.#values.length;
    if (owner > this.#maxValues) {
      throw new RangeError(
        `"value" expected at most ${this.#maxValues} different values in the table`,
      );
    }
    this.#values[owner] = value;
    this.#ownerOfValue.set(value, owner);
    return owner;
  }

  /** Forgets a value without prefixes, so that the table does not keep it alive. */
  #releaseIfEmpty(owner: number): void {
    if (owner === 0 || this.#v4.firstOf(owner) !== 0 || this.#v6.firstOf(owner) !== 0) return;
    const value = this.#values[owner] as T;
    if (this.#ownerOfValue.get(value) === owner) this.#ownerOfValue.delete(value);
    this.#values[owner] = undefined;
    this.#freeOwners.push(owner);
  }
}
