/**
 * `PrefixTrie`: prefixes of one address family and who owns each, as a compressed binary trie.
 *
 * ```
 *   10.0.0.0/8 -> A   10.1.0.0/16 -> B   10.1.2.0/24 -> C   10.1.3.0/24 -> A
 *
 *               [10.0.0.0/8, A]
 *                      \            a node tests the bit behind its prefix; a chain of nodes with
 *               [10.1.0.0/16, B]    one child and no owner is left out
 *                   /
 *             (10.1.2.0/23, -)      nobody's: only there because its children part here
 *               /          \
 *     [10.1.2.0/24, C]  [10.1.3.0/24, A]
 * ```
 * Nodes are rows of typed arrays, not objects; row 0 is "none":
 *
 * ```
 *   links    | child 0 | child 1 | prefix length | owner |    a free row: child 0 is the next free
 *   keys     | address, host bits zero, 4 or 16 bytes    |
 *   siblings | previous | next |                              ring of all nodes of one owner
 * ```
 * A look-up goes down without comparing: it reads one bit of the address per node and only at the
 * end compares addresses, once. Every node on its way is a prefix of the last one, so the number of
 * bits in common with the last one says which of them match.
 *
 * A trie of many prefixes has a table in front, by the first bits of the address (`prefix-slots.ts`).
 *
 * Owners are numbers from 1 on; `AllowedIps` knows what they stand for.
 *
 * @module
 */
import { PrefixSlots, slotBitsFor } from './prefix-slots.ts';

export class PrefixTrie {
  readonly #byteLength: 4 | 16;
  readonly #maxLength: number;
  #links: Int32Array = new Int32Array(FIRST_CAPACITY * ROW);
  #siblings: Int32Array = new Int32Array(FIRST_CAPACITY * 2);
  #keys: Uint8Array;
  /** By owner: the first node of its ring, 0 if it has none. */
  #firstOfOwner: Int32Array = new Int32Array(FIRST_CAPACITY);
  /** Prefixes that are somebody's. */
  #count = 0;
  /** Of a trie with many of them. */
  #slots: PrefixSlots | undefined = undefined;
  #root = NONE;
  #free = NONE;
  /** Rows from here on were never used. */
  #end = 1;

  constructor(byteLength: 4 | 16) {
    this.#byteLength = byteLength;
    this.#maxLength = byteLength * 8;
    this.#keys = new Uint8Array(FIRST_CAPACITY * byteLength);
  }

  /** The owner of the longest prefix that the address at `offset` has, 0 if there is none. */
  lookup(buffer: Uint8Array, offset: number): number {
    const links = this.#links;
    const slots = this.#slots;
    let start = this.#root;
    let owner = NONE;
    if (slots) {
      const slot = slots.slotOf(buffer, offset);
      start = slots.starts[slot];
      owner = slots.owners[slot];
    }
    if (start === NONE) return owner;
    let node = start;
    let length = links[node * ROW + LENGTH];
    while (length < this.#maxLength) {
      const bit = (buffer[offset + (length >>> 3)] >>> (~length & 7)) & 1;
      const child = links[node * ROW + bit];
      if (child === NONE) break;
      node = child;
      length = links[node * ROW + LENGTH];
    }
    const common = this.#commonBits(node, buffer, offset, length);
    // A node without a child on the way down is never one of nobody's.
    if (common === length) return links[node * ROW + OWNER];
    return this.#lookupUpTo(common, buffer, offset, start, owner);
  }

  /** Gives the prefix to `owner`, whoever has it now. Host bits are ignored; bytes are copied. */
  insert(address: Uint8Array, prefixLength: number, owner: number): void {
    const key = maskedCopy(address, prefixLength);
    this.#own(this.#nodeOf(key, prefixLength), owner);
    if (this.#fitSlots()) return;
    const slots = this.#slots;
    if (slots && prefixLength < slots.bits) slots.own(key, prefixLength, owner);
    else if (slots) this.#refreshStart(slots, key);
  }

  /** The owner of exactly this prefix, 0 if it is not there. */
  ownerOf(address: Uint8Array, prefixLength: number): number {
    const node = this.#find(maskedCopy(address, prefixLength), prefixLength);
    return node === NONE ? NONE : this.#links[node * ROW + OWNER];
  }

  /** Takes the prefix out, if it is there. */
  remove(address: Uint8Array, prefixLength: number): void {
    const node = this.#find(maskedCopy(address, prefixLength), prefixLength);
    if (node !== NONE && this.#links[node * ROW + OWNER] !== NONE) this.#removeNode(node);
  }

  /** Takes all prefixes of an owner out; costs as much as it has, not as there are. */
  removeOwner(owner: number): void {
    for (;;) {
      const node = this.firstOf(owner);
      if (node === NONE) return;
      this.#removeNode(node);
    }
  }

  /** The owner's prefix that it has had longest, as a node; 0 if it has none. */
  firstOf(owner: number): number {
    return owner < this.#firstOfOwner.length ? this.#firstOfOwner[owner] : NONE;
  }

  /** The owner's next prefix, 0 behind the last. Valid until the trie changes. */
  nextOf(node: number): number {
    const next = this.#siblings[node * 2 + 1];
    return next === this.firstOf(this.#links[node * ROW + OWNER]) ? NONE : next;
  }

  /** A copy. */
  addressOf(node: number): Uint8Array {
    const at = node * this.#byteLength;
    return this.#keys.slice(at, at + this.#byteLength);
  }

  prefixLengthOf(node: number): number {
    return this.#links[node * ROW + LENGTH];
  }

  /**
   * The way down once more, now that it is known how far the address goes along.
   *
   * @param found whose the longest prefix before `start` is
   */
  #lookupUpTo(
    common: number,
    buffer: Uint8Array,
    offset: number,
    start: number,
    found: number,
  ): number {
    const links = this.#links;
    let owner = found;
    for (let node = start; node !== NONE;) {
      const length = links[node * ROW + LENGTH];
      if (length > common) break;
      if (links[node * ROW + OWNER] !== NONE) owner = links[node * ROW + OWNER];
      node = links[node * ROW + ((buffer[offset + (length >>> 3)] >>> (~length & 7)) & 1)];
    }
    return owner;
  }

  /** How many bits of the node's prefix, at most `length`, the address has in common with it. */
  #commonBits(node: number, buffer: Uint8Array, offset: number, length: number): number {
    const key = node * this.#byteLength;
    for (let bits = 0, i = 0; bits < length; bits += 8, i++) {
      const difference = this.#keys[key + i] ^ buffer[offset + i];
      if (difference !== 0) return Math.min(length, bits + Math.clz32(difference) - 24);
    }
    return length;
  }

  /** The node of exactly this prefix, or none. */
  #find(key: Uint8Array, prefixLength: number): number {
    let node = this.#root;
    while (node !== NONE && this.#links[node * ROW + LENGTH] < prefixLength) {
      node = this.#links[node * ROW + bitAt(key, this.#links[node * ROW + LENGTH])];
    }
    if (node === NONE || this.#links[node * ROW + LENGTH] !== prefixLength) return NONE;
    return this.#commonBits(node, key, 0, prefixLength) === prefixLength ? node : NONE;
  }

  /** The node of exactly this prefix, made where it belongs if it is not there. */
  #nodeOf(key: Uint8Array, prefixLength: number): number {
    let parent = NONE;
    let node = this.#root;
    let common = 0;
    while (node !== NONE) {
      const length = this.#links[node * ROW + LENGTH];
      common = this.#commonBits(node, key, 0, Math.min(length, prefixLength));
      if (common < length) break;
      if (length === prefixLength) return node;
      parent = node;
      node = this.#links[node * ROW + bitAt(key, length)];
    }
    const made = this.#create(key, prefixLength);
    if (node === NONE) this.#attach(parent, made);
    else if (common === prefixLength) {
      // It is a prefix of the node: takes its place, and the node becomes its child.
      this.#attach(parent, made);
      this.#attach(made, node);
    } else {
      const fork = this.#create(maskedCopy(key, common), common);
      this.#attach(parent, fork);
      this.#attach(fork, node);
      this.#attach(fork, made);
    }
    return made;
  }

  /** Hangs `child` under `parent`, on the side that its address says. No parent: it is the root. */
  #attach(parent: number, child: number): void {
    if (parent === NONE) this.#root = child;
    else this.#links[parent * ROW + this.#sideOf(parent, child)] = child;
  }

  #sideOf(parent: number, child: number): number {
    const length = this.#links[parent * ROW + LENGTH];
    const byte = this.#keys[child * this.#byteLength + (length >>> 3)];
    return (byte >>> (~length & 7)) & 1;
  }

  #removeNode(node: number): void {
    const slots = this.#slots;
    const key = slots ? this.addressOf(node) : NO_KEY;
    const length = this.#links[node * ROW + LENGTH];
    this.#disown(node);
    this.#unlink(node);
    if (this.#root === NONE) this.#reset();
    if (this.#fitSlots()) return;
    if (slots && length < slots.bits) {
      const next = this.#longestPrefixOf(key, length);
      slots.disown(key, length, this.#ownerAt(next), next === NONE ? 0 : this.prefixLengthOf(next));
    } else if (slots) {
      this.#refreshStart(slots, key);
    }
  }

  /** Whose the node is; node 0 is nobody's. */
  #ownerAt(node: number): number {
    return node === NONE ? NONE : this.#links[node * ROW + OWNER];
  }

  /** The node of the longest prefix of `key` that is somebody's and shorter than `length`. */
  #longestPrefixOf(key: Uint8Array, length: number): number {
    let found = NONE;
    for (let node = this.#root; node !== NONE;) {
      const own = this.#links[node * ROW + LENGTH];
      if (own >= length || this.#commonBits(node, key, 0, own) < own) break;
      if (this.#links[node * ROW + OWNER] !== NONE) found = node;
      node = this.#links[node * ROW + bitAt(key, own)];
    }
    return found;
  }

  /** Looks up again where the look-ups of the key's slot begin. */
  #refreshStart(slots: PrefixSlots, key: Uint8Array): void {
    let node = this.#root;
    while (node !== NONE && this.#links[node * ROW + LENGTH] < slots.bits) {
      node = this.#links[node * ROW + bitAt(key, this.#links[node * ROW + LENGTH])];
    }
    const isOfSlot = node !== NONE && this.#commonBits(node, key, 0, slots.bits) === slots.bits;
    slots.starts[slots.slotOf(key, 0)] = isOfSlot ? node : NONE;
  }

  /** Makes the table anew if the number of prefixes has doubled, or is a quarter. @returns whether */
  #fitSlots(): boolean {
    const bits = this.#slots?.bits ?? 0;
    const wanted = slotBitsFor(this.#count);
    if (wanted <= bits && slotBitsFor(this.#count * 4) >= bits) return false;
    const slots = wanted === 0 ? undefined : new PrefixSlots(wanted);
    if (slots) this.#fillSlots(slots, this.#root);
    this.#slots = slots;
    return true;
  }

  /** From `node` down: a shorter prefix comes before those that are longer. */
  #fillSlots(slots: PrefixSlots, node: number): void {
    if (node === NONE) return;
    const length = this.#links[node * ROW + LENGTH];
    const at = node * this.#byteLength;
    const key = this.#keys.subarray(at, at + this.#byteLength);
    if (length >= slots.bits) {
      slots.starts[slots.slotOf(key, 0)] = node;
      return;
    }
    const owner = this.#links[node * ROW + OWNER];
    if (owner !== NONE) slots.own(key, length, owner);
    this.#fillSlots(slots, this.#links[node * ROW]);
    this.#fillSlots(slots, this.#links[node * ROW + 1]);
  }

  /** Takes a node that is nobody's out of the trie, unless two children part there. */
  #unlink(node: number): void {
    const left = this.#links[node * ROW];
    const right = this.#links[node * ROW + 1];
    if (left !== NONE && right !== NONE) return;
    const { parent, grandparent } = this.#ancestorsOf(node);
    this.#replace(parent, node, left === NONE ? right : left);
    if (left !== NONE || right !== NONE || parent === NONE) return;
    if (this.#links[parent * ROW + OWNER] !== NONE) return;
    // The parent was nobody's and has one child left: it goes as well.
    const other = this.#links[parent * ROW] || this.#links[parent * ROW + 1];
    this.#replace(grandparent, parent, other);
  }

  #ancestorsOf(node: number): { parent: number; grandparent: number } {
    let grandparent = NONE;
    let parent = NONE;
    for (let at = this.#root; at !== node;) {
      grandparent = parent;
      parent = at;
      at = this.#links[at * ROW + this.#sideOf(at, node)];
    }
    return { parent, grandparent };
  }

  /** Puts `successor`, or nothing, into the node's place, and frees the node. */
  #replace(parent: number, node: number, successor: number): void {
    if (parent === NONE) this.#root = successor;
    else this.#links[parent * ROW + this.#sideOf(parent, node)] = successor;
    this.#links[node * ROW] = this.#free;
    this.#free = node;
  }

  /** Appends the node to the ring of `owner`, out of the ring it may be in. */
  #own(node: number, owner: number): void {
    if (this.#links[node * ROW + OWNER] === owner) return;
    if (this.#links[node * ROW + OWNER] !== NONE) this.#disown(node);
    this.#count++;
    if (owner >= this.#firstOfOwner.length) {
      this.#firstOfOwner = grown(this.#firstOfOwner, owner * 2);
    }
    this.#links[node * ROW + OWNER] = owner;
    const first = this.#firstOfOwner[owner];
    if (first === NONE) {
      this.#firstOfOwner[owner] = node;
      this.#chain(node, node);
    } else {
      this.#chain(this.#siblings[first * 2], node);
      this.#chain(node, first);
    }
  }

  #disown(node: number): void {
    const owner = this.#links[node * ROW + OWNER];
    const previous = this.#siblings[node * 2];
    const next = this.#siblings[node * 2 + 1];
    this.#chain(previous, next);
    if (this.#firstOfOwner[owner] === node) {
      this.#firstOfOwner[owner] = next === node ? NONE : next;
    }
    this.#links[node * ROW + OWNER] = NONE;
    this.#count--;
  }

  #chain(previous: number, next: number): void {
    this.#siblings[previous * 2 + 1] = next;
    this.#siblings[next * 2] = previous;
  }

  /** A row for a node without children or owner. */
  #create(key: Uint8Array, prefixLength: number): number {
    let node = this.#free;
    if (node === NONE) {
      if (this.#end * ROW === this.#links.length) this.#grow();
      node = this.#end++;
    } else {
      this.#free = this.#links[node * ROW];
    }
    this.#links.fill(NONE, node * ROW, (node + 1) * ROW);
    this.#links[node * ROW + LENGTH] = prefixLength;
    this.#keys.set(key, node * this.#byteLength);
    return node;
  }

  /** An empty trie gives its memory back. */
  #reset(): void {
    this.#links = new Int32Array(FIRST_CAPACITY * ROW);
    this.#siblings = new Int32Array(FIRST_CAPACITY * 2);
    this.#keys = new Uint8Array(FIRST_CAPACITY * this.#byteLength);
    this.#free = NONE;
    this.#end = 1;
  }

  /** All three before any is put in place: out of memory leaves the trie as it was. */
  #grow(): void {
    const capacity = this.#end * 2;
    const links = grown(this.#links, capacity * ROW);
    const siblings = grown(this.#siblings, capacity * 2);
    const keys = new Uint8Array(capacity * this.#byteLength);
    keys.set(this.#keys);
    this.#links = links;
    this.#siblings = siblings;
    this.#keys = keys;
  }
}

function grown(array: Int32Array, length: number): Int32Array {
  const larger = new Int32Array(length);
  larger.set(array);
  return larger;
}

/** A copy with the host bits cleared. */
function maskedCopy(address: Uint8Array, prefixLength: number): Uint8Array {
  const key = Uint8Array.from(address);
  const whole = prefixLength >>> 3;
  if (whole < key.length) {
    key[whole] &= 0xff00 >>> (prefixLength & 7);
    key.fill(0, whole + 1);
  }
  return key;
}

function bitAt(key: Uint8Array, position: number): number {
  return (key[position >>> 3] >>> (~position & 7)) & 1;
}

const NONE = 0;
const NO_KEY = new Uint8Array(0);
const FIRST_CAPACITY = 8;
/** Columns of a row of links; 0 and 1 are the children. */
const ROW = 4;
const LENGTH = 2;
const OWNER = 3;
