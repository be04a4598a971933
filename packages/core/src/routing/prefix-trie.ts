/**
 * `PrefixTrie`: the prefixes of one address family and their owners, as a compressed binary trie.
 *
 * ```
 *   10.0.0.0/8 -> A   10.1.0.0/16 -> B   10.1.2.0/24 -> C   10.1.3.0/24 -> A
 *
 *               [10.0.0.0/8, A]
 *                      \            a node tests the bit after its prefix; a chain of nodes with
 *               [10.1.0.0/16, B]    one child and no owner is left out
 *                   /
 *             (10.1.2.0/23, -)      no owner: it exists only because its children branch here
 *               /          \
 *     [10.1.2.0/24, C]  [10.1.3.0/24, A]
 * ```
 * A lookup goes down as long as the address begins with the node's prefix. The last owner on the
 * way is the result. Nodes are rows of a typed array, not objects (`prefix-nodes.ts`). In a trie
 * with many prefixes, lookups do not start at the root (`prefix-slots.ts`). The prefixes of one
 * owner form a ring (`owner-rings.ts`).
 *
 * Owners are numbers from 1 to `MAX_OWNER`. `AllowedIps` maps them to values.
 *
 * @module
 */
import { bitAt } from './address-bits.ts';
import { OwnerRings } from './owner-rings.ts';
import { PrefixNodes } from './prefix-nodes.ts';
import { PrefixSlots, slotBitsFor } from './prefix-slots.ts';

export class PrefixTrie {
  readonly #byteLength: 4 | 16;
  readonly #nodes: PrefixNodes;
  readonly #rings: OwnerRings = new OwnerRings();
  /** Exists only if the trie has many prefixes. */
  #slots: PrefixSlots | undefined = undefined;
  #root = NONE;
  /** Scratch memory for the key of one node. */
  readonly #key: Uint8Array;

  constructor(byteLength: 4 | 16) {
    this.#byteLength = byteLength;
    this.#nodes = new PrefixNodes(byteLength);
    this.#key = new Uint8Array(byteLength);
  }

  /** Returns the owner of the longest prefix of the address at `offset`; 0 if there is none. */
  lookup(buffer: Uint8Array, offset: number): number {
    return this.#nodes.lookup(this.#root, this.#slots, buffer, offset);
  }

  /**
   * Assigns the prefix to `owner`, also if another owner has it. Host bits are ignored; bytes are
   * copied.
   *
   * @throws {RangeError} out of memory; lookups then give the old result or the new result
   */
  insert(address: Uint8Array, prefixLength: number, owner: number): void {
    this.#nodes.reserve(NODES_OF_AN_INSERTION);
    this.#rings.reserve(this.#nodes.capacity, owner);
    this.#own(this.#nodeOf(address, prefixLength), owner);
    this.#updateSlots(address, prefixLength);
  }

  /** Returns the owner of exactly this prefix; 0 if there is none. */
  ownerOf(address: Uint8Array, prefixLength: number): number {
    const node = this.#find(address, prefixLength);
    return node === NONE ? NONE : this.#nodes.ownerOf(node);
  }

  /** Removes the prefix if it is there. */
  remove(address: Uint8Array, prefixLength: number): void {
    const node = this.#find(address, prefixLength);
    if (node !== NONE && this.#nodes.ownerOf(node) !== NONE) this.#removeNode(node);
  }

  /**
   * Removes the oldest prefix of an owner.
   *
   * @returns whether there was one
   */
  removeOldest(owner: number): boolean {
    const node = this.firstOf(owner);
    if (node !== NONE) this.#removeNode(node);
    return node !== NONE;
  }

  /** Returns the node of the owner's oldest prefix; 0 if it has none. */
  firstOf(owner: number): number {
    return this.#rings.firstOf(owner);
  }

  /**
   * Returns the node of the owner's next prefix; 0 after the last prefix. Valid until the trie
   * changes.
   */
  nextOf(node: number): number {
    return this.#rings.nextOf(this.#nodes.ownerOf(node), node);
  }

  /** Returns a copy of the node's address. */
  addressOf(node: number): Uint8Array {
    const address = new Uint8Array(this.#byteLength);
    this.#nodes.readKey(node, address);
    return address;
  }

  prefixLengthOf(node: number): number {
    return this.#nodes.lengthOf(node);
  }

  /** Returns the node of exactly this prefix, or none. */
  #find(address: Uint8Array, prefixLength: number): number {
    const nodes = this.#nodes;
    let node = this.#root;
    while (node !== NONE && nodes.lengthOf(node) < prefixLength) node = nodes.next(node, address);
    if (node === NONE || nodes.lengthOf(node) !== prefixLength) return NONE;
    return nodes.covers(node, address) ? node : NONE;
  }

  /** Returns the node of exactly this prefix. Creates it if it is not there. */
  #nodeOf(address: Uint8Array, prefixLength: number): number {
    const nodes = this.#nodes;
    let parent = NONE;
    let node = this.#root;
    let common = 0;
    while (node !== NONE) {
      const length = nodes.lengthOf(node);
      common = Math.min(nodes.commonBits(node, address), prefixLength, length);
      if (common < length) break;
      if (length === prefixLength) return node;
      parent = node;
      node = nodes.next(node, address);
    }
    const made = nodes.create(address, prefixLength);
    if (node === NONE) this.#attach(parent, made);
    else if (common === prefixLength) {
      // The new prefix contains the prefix of `node`. So the new node takes the place of `node`,
      // and `node` becomes its child.
      this.#attach(parent, made);
      this.#attach(made, node);
    } else {
      const fork = nodes.create(address, common);
      this.#attach(parent, fork);
      this.#attach(fork, node);
      this.#attach(fork, made);
    }
    return made;
  }

  /**
   * Makes `child` a child of `parent`, on the side given by its address. If `parent` is 0, `child`
   * becomes the root.
   */
  #attach(parent: number, child: number): void {
    if (parent === NONE) this.#root = child;
    else this.#nodes.setChild(parent, this.#sideOf(parent, child), child);
  }

  #sideOf(parent: number, child: number): number {
    this.#nodes.readKey(child, this.#key);
    return bitAt(this.#key, this.#nodes.lengthOf(parent));
  }

  #removeNode(node: number): void {
    const nodes = this.#nodes;
    const address = this.addressOf(node);
    const length = nodes.lengthOf(node);
    this.#disown(node);
    this.#unlink(node);
    this.#updateSlots(address, length);
    if (this.#root !== NONE) return;
    // An empty trie frees its memory.
    nodes.reset();
    this.#rings.reset();
  }

  /** Removes a node that has no owner from the trie. A node with two children stays. */
  #unlink(node: number): void {
    const nodes = this.#nodes;
    const left = nodes.childOf(node, 0);
    const right = nodes.childOf(node, 1);
    if (left !== NONE && right !== NONE) return;
    const { parent, grandparent } = this.#ancestorsOf(node);
    this.#replace(parent, node, left === NONE ? right : left);
    if (left !== NONE || right !== NONE || parent === NONE) return;
    if (nodes.ownerOf(parent) !== NONE) return;
    // The parent has no owner and only one child left, so it is removed too.
    this.#replace(grandparent, parent, nodes.childOf(parent, 0) || nodes.childOf(parent, 1));
  }

  #ancestorsOf(node: number): { parent: number; grandparent: number } {
    this.#nodes.readKey(node, this.#key);
    let grandparent = NONE;
    let parent = NONE;
    for (let at = this.#root; at !== node;) {
      grandparent = parent;
      parent = at;
      at = this.#nodes.next(at, this.#key);
    }
    return { parent, grandparent };
  }

  /**
   * Puts `successor` in the place of the node, and frees the node. If `successor` is 0, the place
   * stays empty.
   */
  #replace(parent: number, node: number, successor: number): void {
    if (parent === NONE) this.#root = successor;
    else this.#nodes.setChild(parent, this.#sideOf(parent, node), successor);
    this.#nodes.release(node);
  }

  /** Moves the node from its current ring, if any, to the end of the ring of `owner`. */
  #own(node: number, owner: number): void {
    const before = this.#nodes.ownerOf(node);
    if (before === owner) return;
    if (before !== NONE) this.#disown(node);
    this.#nodes.setOwner(node, owner);
    this.#rings.append(owner, node);
  }

  #disown(node: number): void {
    this.#rings.remove(this.#nodes.ownerOf(node), node);
    this.#nodes.setOwner(node, NONE);
  }

  /**
   * Updates the slot table. Each table size has a threshold: the number of prefixes at which a
   * table of this size is made. When the trie reaches the threshold of a larger size, a larger
   * table replaces the present one. When the number of prefixes falls below a quarter of the
   * threshold of the present size, a smaller table replaces the present one. If the number is below
   * the smallest threshold, there is no table.
   */
  #updateSlots(address: Uint8Array, prefixLength: number): void {
    this.#slots?.update(this.#root, address, prefixLength);
    const count = this.#rings.count;
    const bits = this.#slots?.wantedBits ?? 0;
    const wanted = slotBitsFor(count);
    if (wanted <= bits && slotBitsFor(count * 4) >= bits) return;
    const [nodes, root] = [this.#nodes, this.#root];
    this.#slots = wanted === 0 ? undefined : new PrefixSlots(nodes, this.#byteLength, root, count);
  }
}

/** Means "no node" and "no owner". */
const NONE = 0;
/**
 * An insertion creates at most two nodes: the node of the prefix, and a node where it branches off.
 */
const NODES_OF_AN_INSERTION = 2;
