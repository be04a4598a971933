/**
 * `PeerTable`: the peers in the order in which they were added, and by their static keys.
 *
 * A peer has one key, or two while it replaces the one by the other, and is found by both. A key is one
 * peer's.
 *
 * @module
 */
import type { Peer } from './peer.ts';

export class PeerTable {
  readonly #peers: Set<Peer> = new Set();
  /** By `keyId` of each of their keys. */
  readonly #byKey: Map<string, Peer> = new Map();

  get size(): number {
    return this.#peers.size;
  }

  /** The peer with this key, be it its present or its next one. */
  get(id: string): Peer | undefined {
    return this.#byKey.get(id);
  }

  /** In the order in which they were added. Peers may come and go meanwhile. */
  values(): IterableIterator<Peer> {
    return this.#peers.values();
  }

  /** With the key that it has. */
  add(peer: Peer): void {
    this.#peers.add(peer);
    this.#byKey.set(peer.id, peer);
  }

  delete(peer: Peer): void {
    this.#peers.delete(peer);
    this.#byKey.delete(peer.id);
    if (peer.nextId !== undefined) this.#byKey.delete(peer.nextId);
  }

  /** The peer is found by this key too. */
  addKey(id: string, peer: Peer): void {
    this.#byKey.set(id, peer);
  }

  deleteKey(id: string): void {
    this.#byKey.delete(id);
  }
}
