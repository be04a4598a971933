/**
 * `OwnerRings`: the nodes of each owner of a `PrefixTrie`, in the order in which they came to it.
 *
 * ```
 *   firsts     by owner: the first node of its ring, 0 if it has none
 *   siblings   by node: | previous | next |, all nodes of one owner in a ring
 * ```
 * No look-up reads this, so it is not part of the node's row.
 *
 * @module
 */
import { FIRST_CAPACITY, grown } from './prefix-nodes.ts';

export class OwnerRings {
  #firsts: Int32Array = new Int32Array(FIRST_CAPACITY);
  #siblings: Int32Array = new Int32Array(FIRST_CAPACITY * 2);
  #count = 0;

  /** Nodes that are somebody's. */
  get count(): number {
    return this.#count;
  }

  /** The node that the owner has had longest, 0 if it has none. */
  firstOf(owner: number): number {
    return owner < this.#firsts.length ? this.#firsts[owner] : NONE;
  }

  /** The owner's next node, 0 behind its last. */
  nextOf(owner: number, node: number): number {
    const next = this.#siblings[node * 2 + 1];
    return next === this.#firsts[owner] ? NONE : next;
  }

  /** Makes room for so many nodes and this owner. @throws {RangeError} out of memory */
  reserve(nodes: number, owner: number): void {
    if (owner >= this.#firsts.length) this.#firsts = grown(this.#firsts, owner * 2);
    if (nodes * 2 > this.#siblings.length) this.#siblings = grown(this.#siblings, nodes * 2);
  }

  /** Behind the others of the owner. The node is in no ring, and there is room for both. */
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

  /** Takes the node out of its owner's ring. */
  remove(owner: number, node: number): void {
    this.#count--;
    const next = this.#siblings[node * 2 + 1];
    this.#chain(this.#siblings[node * 2], next);
    if (this.#firsts[owner] === node) this.#firsts[owner] = next === node ? NONE : next;
  }

  /** All rings are empty: their memory goes. */
  reset(): void {
    this.#firsts = new Int32Array(FIRST_CAPACITY);
    this.#siblings = new Int32Array(FIRST_CAPACITY * 2);
  }

  #chain(previous: number, next: number): void {
    this.#siblings[previous * 2 + 1] = next;
    this.#siblings[next * 2] = previous;
  }
}

/** No node. */
const NONE = 0;
