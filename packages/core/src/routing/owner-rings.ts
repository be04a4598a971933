/**
 * `OwnerRings`: lists the nodes of each owner of a `PrefixTrie`, in the order in which they were
 * added.
 *
 * ```
 *   firsts     by owner: the first node of its ring, 0 if it has none
 *   siblings   by node: | previous | next |, all nodes of one owner in a ring
 * ```
 * Lookups do not need the rings, so they are not part of the rows of the nodes (`prefix-nodes.ts`).
 *
 * @module
 */
import { FIRST_CAPACITY, grown } from './prefix-nodes.ts';

export class OwnerRings {
  #firsts: Int32Array = new Int32Array(FIRST_CAPACITY);
  #siblings: Int32Array = new Int32Array(FIRST_CAPACITY * 2);
  #count = 0;

  /** How many nodes have an owner. */
  get count(): number {
    return this.#count;
  }

  /** Returns the oldest node of the owner; 0 if it has none. */
  firstOf(owner: number): number {
    return owner < this.#firsts.length ? this.#firsts[owner] : NONE;
  }

  /** Returns the next node of the owner; 0 after the last node. */
  nextOf(owner: number, node: number): number {
    const next = this.#siblings[node * 2 + 1];
    return next === this.#firsts[owner] ? NONE : next;
  }

  /**
   * Allocates memory for `nodes` nodes, and for all owners up to `owner`.
   *
   * @throws {RangeError} out of memory
   */
  reserve(nodes: number, owner: number): void {
    if (owner >= this.#firsts.length) this.#firsts = grown(this.#firsts, owner * 2);
    if (nodes * 2 > this.#siblings.length) this.#siblings = grown(this.#siblings, nodes * 2);
  }

  /**
   * Appends a node to the ring of the owner. The node must not be in a ring, and memory must be
   * reserved.
   */
  append(owner: number, node: number): void {
    this.#count++;
    const first = this.#firsts[owner];
    if (first === NONE) {
      this.#firsts[owner] = node;
      this.#chain(node, node);
    } else {
      this.#chain(this.#siblings[first * 2], node);
      this.#chain(node, first);
    }
  }

  /** Removes the node from the ring of its owner. */
  remove(owner: number, node: number): void {
    this.#count--;
    const next = this.#siblings[node * 2 + 1];
    this.#chain(this.#siblings[node * 2], next);
    if (this.#firsts[owner] === node) this.#firsts[owner] = next === node ? NONE : next;
  }

  /** Frees memory. All rings must be empty. */
  reset(): void {
    this.#firsts = new Int32Array(FIRST_CAPACITY);
    this.#siblings = new Int32Array(FIRST_CAPACITY * 2);
  }

  #chain(previous: number, next: number): void {
    this.#siblings[previous * 2 + 1] = next;
    this.#siblings[next * 2] = previous;
  }
}

/** Means "no node". */
const NONE = 0;
