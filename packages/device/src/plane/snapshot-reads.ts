/**
 * `SnapshotReads`: reads of the device's state, one slice per turn of the packet loop. A copy of
 * 100,000 peers in one turn would delay packets for most of a second.
 *
 * @module
 */
import type { Engine, PeerStatus } from '@litz/core';
import { peersInSteps, type Steps } from '@litz/core/internals';
import { wipeSecrets } from '@litz/config';

export interface PeerSlice {
  readonly peers: PeerStatus[];
  readonly isLast: boolean;
}

export class SnapshotReads {
  readonly #engine: Engine;
  readonly #reads: Map<number, Generator<Steps<PeerStatus>, void, undefined>> = new Map();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Whether the read has begun and not ended. */
  has(id: number): boolean {
    return this.#reads.has(id);
  }

  /**
   * Returns the next peers of a read, after one step or several. Each peer is complete. A peer that
   * is removed before its turn is left out, and so is a peer that is added after the first slice.
   * There must be no change between two steps.
   *
   * @param id number of the read, chosen by the caller; the first slice begins the read, the last
   *   one ends it
   */
  *next(id: number): Steps<PeerSlice> {
    const read = this.#reads.get(id) ?? peersInSteps(this.#engine);
    const peers: PeerStatus[] = [];
    let isComplete = false;
    try {
      for (let cost = 0; cost < SLICE_COST;) {
        const { value: steps } = read.next();
        if (!steps) {
          this.#reads.delete(id);
          isComplete = true;
          return { peers, isLast: true };
        }
        const peer = yield* steps;
        peers.push(peer);
        cost += PEER_COST + peer.allowedIps.length;
      }
      this.#reads.set(id, read);
      isComplete = true;
      return { peers, isLast: false };
    } finally {
      // The caller gave up between two steps.
      if (!isComplete) wipeSecrets({ peers });
    }
  }

  /** Ends a read before its last slice. */
  end(id: number): void {
    this.#reads.delete(id);
  }
}

/** The cost of a peer without its prefixes. The unit is the cost of one prefix. */
const PEER_COST = 4;
/**
 * A slice ends with the peer with which its cost reaches this number. It takes about 0.5 ms to
 * read. A peer with all its prefixes is always in one slice. If its prefixes are very many, the
 * slice is read in several steps.
 */
const SLICE_COST = 512;
