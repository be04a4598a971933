/**
 * `PeerTable`: the peers in the order in which they were added, and an index of their static keys.
 *
 * A peer has one key, or two while one replaces the other, and is found by either key. A key
 * belongs to one peer only.
 *
 * @module
 */
import type { Peer } from './peer.ts';

export class PeerTable {
  readonly #peers: Set<Peer> = new Set();
  /** Maps the `keyId` of every key to its peer. */
  readonly #byKey: Map<string, Peer> = new Map();

  get size(): number {
    return this.#peers.size;
  }

  /** Returns the peer whose current or next key has this `keyId`. */
  get(id: string): Peer | undefined {
    return this.#byKey.get(id);
  }

  /**
   * Iterates in the order in which the peers were added. Peers may be added and removed during the
   * iteration.
   */
  values(): IterableIterator<Peer> {
    return this.#peers.values();
  }

  /** Adds a peer under its current key. */
  add(peer: Peer): void {
    this.#peers.add(peer);
    this.#byKey.set(peer.id, peer);
  }

  delete(peer: Peer): void {
    this.#peers.delete(peer);
    this.#byKey.delete(peer.id);
    if (peer.nextId !== undefined) this.#byKey.delete(peer.nextId);
  }

  /** Adds another key by which the peer is found. */
  addKey(id: string, peer: Peer): void {
    this.#byKey.set(id, peer);
  }

  deleteKey(id: string): void {
    this.#byKey.delete(id);
  }
}
