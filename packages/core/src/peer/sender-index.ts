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

/** `Owner`: whose handshakes they are; `Session`: what a completed one became. */
export class SenderIndexTable<Owner = unknown, Session extends Indexed = Indexed> {
  readonly #handshakes = new Map<number, Owner>();
  readonly #keypairs = new Map<number, Session>();
  /** By the index that the other side chose. */
  readonly #remotes = new Map<number, Session>();
  /** The others with an index that is in `#remotes`: chance makes none, an attacker can. */
  readonly #shared = new Map<number, Session[]>();
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
  reserve(peer: Owner): number {
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
  assign(index: number, keypair: Session): void {
    this.#handshakes.delete(index | 0);
    this.#keypairs.set(index | 0, keypair);
    const remote = keypair.remoteIndex | 0;
    if (!this.#remotes.has(remote)) this.#remotes.set(remote, keypair);
    else this.#shared.set(remote, [...this.sharing(remote), keypair]);
  }

  free(index: number): void {
    this.#handshakes.delete(index | 0);
    const keypair = this.#keypairs.get(index | 0);
    if (!keypair) return;
    this.#keypairs.delete(index | 0);
    this.#freeRemote(keypair, keypair.remoteIndex | 0);
  }

  /** Whose handshake it is. `index` may be given signed or unsigned. */
  handshake(index: number): Owner | undefined {
    return this.#handshakes.get(index | 0);
  }

  keypair(index: number): Session | undefined {
    return this.#keypairs.get(index | 0);
  }

  /** A keypair whose messages carry this index when we send them; `sharing` has the others. */
  remote(index: number): Session | undefined {
    return this.#remotes.get(index | 0);
  }

  /** The keypairs besides `remote(index)` whose other sides chose this index too. */
  sharing(index: number): readonly Session[] {
    return this.#shared.get(index | 0) ?? NONE;
  }

  #freeRemote(keypair: Session, remote: number): void {
    const others = this.sharing(remote).filter((other) => other !== keypair);
    const first = this.#remotes.get(remote);
    const kept = first === keypair ? others.shift() : first;
    if (kept) this.#remotes.set(remote, kept);
    else this.#remotes.delete(remote);
    if (others.length > 0) this.#shared.set(remote, others);
    else this.#shared.delete(remote);
  }
}

/** What has an index of the other side's. */
interface Indexed {
  readonly remoteIndex: number;
}

const NONE: readonly never[] = [];

/** With a million indices in use, one try in 4096 fails: this many never do. */
const MAX_TRIES = 1000;
