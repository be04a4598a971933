/**
 * `SenderIndexTable`: which handshake or session a 32-bit index in a message means.
 *
 * Indices are random over 32 bits and unique over handshakes and keypairs, so that they tell nobody
 * how many sessions there are and a stale one finds nothing (section 5.4.2). The index of a handshake
 * becomes the index of its keypair.
 *
 * Keys of the maps are signed 32-bit integers: those are stored without an allocation.
 *
 * @module
 */
import type { Keypair } from './keypairs.ts';
import type { Peer } from './peer.ts';

export class SenderIndexTable {
  readonly #handshakes = new Map<number, Peer>();
  readonly #keypairs = new Map<number, Keypair>();
  /** By the index that the other side chose. */
  readonly #remotes = new Map<number, Keypair>();
  readonly #randomBytes: (out: Uint8Array) => void;
  readonly #random = new Uint8Array(4);
  readonly #view = new DataView(this.#random.buffer);

  constructor(randomBytes: (out: Uint8Array) => void) {
    this.#randomBytes = randomBytes;
  }

  /** How many indices are in use. */
  get size(): number {
    return this.#handshakes.size + this.#keypairs.size;
  }

  /**
   * A new index for the handshake of a peer, 0 to 2^32 - 1.
   *
   * @throws {RangeError} the random source repeats itself
   */
  reserve(peer: Peer): number {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      this.#randomBytes(this.#random);
      const key = this.#view.getInt32(0, true);
      if (this.#handshakes.has(key) || this.#keypairs.has(key)) continue;
      this.#handshakes.set(key, peer);
      return key >>> 0;
    }
    throw new RangeError('"randomBytes" expected random bytes, got the same again and again');
  }

  /** The handshake with this index completed: from now on it means the keypair. */
  assign(index: number, keypair: Keypair): void {
    this.#handshakes.delete(index | 0);
    this.#keypairs.set(index | 0, keypair);
    // The first one keeps it: nobody takes an index away by choosing the same.
    const remote = keypair.remoteIndex | 0;
    if (!this.#remotes.has(remote)) this.#remotes.set(remote, keypair);
  }

  free(index: number): void {
    this.#handshakes.delete(index | 0);
    const keypair = this.#keypairs.get(index | 0);
    if (!keypair) return;
    this.#keypairs.delete(index | 0);
    const remote = keypair.remoteIndex | 0;
    if (this.#remotes.get(remote) === keypair) this.#remotes.delete(remote);
  }

  /** Whose handshake it is. `index` may be given signed or unsigned. */
  handshake(index: number): Peer | undefined {
    return this.#handshakes.get(index | 0);
  }

  keypair(index: number): Keypair | undefined {
    return this.#keypairs.get(index | 0);
  }

  /** A keypair whose messages carry this index when we send them. */
  remote(index: number): Keypair | undefined {
    return this.#remotes.get(index | 0);
  }
}

/** With a million indices in use, one try in 4096 fails: this many never do. */
const MAX_TRIES = 1000;
