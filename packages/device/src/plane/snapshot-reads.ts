/**
 * `SnapshotReads`: those who read the state of a device a slice at a time, so that packets go on in
 * between: a copy of 100,000 peers at once would hold them up for most of a second.
 *
 * @module
 */
import type { Engine, PeerStatus } from '@litz/core';

export interface PeerSlice {
  readonly peers: PeerStatus[];
  readonly isLast: boolean;
}

export class SnapshotReads {
  readonly #engine: Engine;
  readonly #reads: Map<number, Generator<PeerStatus, void, undefined>> = new Map();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** It has begun and not ended. */
  has(id: number): boolean {
    return this.#reads.has(id);
  }

  /**
   * The next peers. Each one is whole. Those that are removed before it is their turn are left out,
   * those that are added after the first slice too.
   *
   * @param id of the read, any number; the first slice begins one, the last ends it
   */
  next(id: number): PeerSlice {
    const read = this.#reads.get(id) ?? this.#engine.peerStatuses();
    const peers: PeerStatus[] = [];
    for (let cost = 0; cost < SLICE_COST;) {
      const { value: peer } = read.next();
      if (!peer) {
        this.#reads.delete(id);
        return { peers, isLast: true };
      }
      peers.push(peer);
      cost += PEER_COST + peer.allowedIps.length;
    }
    this.#reads.set(id, read);
    return { peers, isLast: false };
  }

  /** Nobody reads on. */
  end(id: number): void {
    this.#reads.delete(id);
  }
}

/** As much as the prefixes of a peer that cost what the rest of it does. */
const PEER_COST = 4;
/** About half a millisecond. A peer is in one slice, however many prefixes it has. */
const SLICE_COST = 512;
