/**
 * `SenderIndexTable`: maps the 32-bit index in a message to its handshake or session.
 *
 * Indices are random 32-bit numbers, unique among handshakes and keypairs. So they do not reveal
 * how many sessions there are, and an old index finds nothing (section 5.4.2 of the WireGuard
 * paper). The index of a handshake becomes the index of its keypair.
 *
 * The keys of the maps are signed 32-bit integers, because V8 stores these numbers without an
 * allocation.
 *
 * @module
 */

/**
 * `Owner` is the type of the object that a handshake belongs to; `Session` is the type of a
 * session.
 */
export class SenderIndexTable<Owner = unknown, Session extends Indexed = Indexed> {
  readonly #handshakes = new Map<number, Owner>();
  readonly #keypairs = new Map<number, Session>();
  /** Keypairs by the index that the peer chose. */
  readonly #remotes = new Map<number, Session>();
  /**
   * More keypairs whose index is already in `#remotes`. This practically never happens by chance,
   * but an attacker can cause it.
   */
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
   * Reserves a new index for a handshake, 0 to 2^32 - 1.
   *
   * @throws {RangeError} if the random source keeps repeating itself
   */
  reserve(peer: Owner): number {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      this.#randomBytes(this.#random);
      const key = this.#view.getInt32(0, true);
      if (this.#handshakes.has(key) || this.#keypairs.has(key)) continue;
      this.#handshakes.set(key, peer);
      return key >>> 0;
    }
    throw new RangeError('"randomBytes" expected random bytes, got the same bytes again and again');
  }

  /**
   * Maps an index of another process to the owner of its handshake, after a hand-over.
   *
   * @throws {RangeError} the index is in use
   */
  restore(index: number, peer: Owner): void {
    const key = index | 0;
    if (this.#handshakes.has(key) || this.#keypairs.has(key)) {
      throw new RangeError('the state has the same index twice');
    }
    this.#handshakes.set(key, peer);
  }

  /**
   * Called when the handshake with this index is completed: from now on the index maps to the
   * keypair.
   */
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

  /** Returns the owner of the handshake with this index. `index` may be signed or unsigned. */
  handshake(index: number): Owner | undefined {
    return this.#handshakes.get(index | 0);
  }

  keypair(index: number): Session | undefined {
    return this.#keypairs.get(index | 0);
  }

  /**
   * Returns a keypair whose outgoing messages have this receiver index. `sharing` returns the other
   * keypairs with the same index.
   */
  remote(index: number): Session | undefined {
    return this.#remotes.get(index | 0);
  }

  /** Returns the keypairs besides `remote(index)` whose peers chose the same index. */
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

/** A session with the index that the peer chose. */
interface Indexed {
  readonly remoteIndex: number;
}

const NONE: readonly never[] = [];

/**
 * If a million indices are in use, one try in 4096 fails. So this many failures in a row never
 * happen by chance.
 */
const MAX_TRIES = 1000;
