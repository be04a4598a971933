/**
 * `PacketRing`: a bounded queue of whole packets in one buffer.
 *
 * ```
 *  bytes    | packet 3 |....free....| packet 1 | packet 2 |..unused..|
 * ```
 * A packet is contiguous. If it does not fit after the last packet, it is written at the beginning
 * of the buffer.
 *
 * @module
 */

export class PacketRing {
  /** The memory of the packets. A packet may be written between `reserve` and `commit`. */
  readonly bytes: Uint8Array;
  /** offset, length, offset, length, ... as a ring. */
  #entries = new Int32Array(2 * 16);
  #first = 0;
  #count = 0;
  /** Where the next packet begins. */
  #head = 0;
  #used = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** The number of packets that wait. */
  get count(): number {
    return this.#count;
  }

  /** The number of bytes that wait. */
  get used(): number {
    return this.#used;
  }

  /**
   * Returns where a packet of `length` bytes can be written in `bytes`; -1 if there is no space.
   */
  reserve(length: number): number {
    if (this.#count === 0) this.#head = 0;
    const size = this.bytes.length;
    const tail = this.#count === 0 ? size : this.#entries[this.#first * 2];
    if (this.#head <= tail && this.#count > 0 && this.#head + length > tail) return -1;
    if (this.#head + length <= size) return this.#head;
    return this.#head > tail && length <= tail ? 0 : -1;
  }

  /** Appends the packet that was written at `offset`, which `reserve` has returned. */
  commit(offset: number, length: number): void {
    if (this.#count * 2 === this.#entries.length) this.#grow();
    const place = ((this.#first + this.#count++) & (this.#entries.length / 2 - 1)) * 2;
    this.#entries[place] = offset;
    this.#entries[place + 1] = length;
    this.#head = offset + length;
    this.#used += length;
  }

  /** Returns where the first packet begins. */
  get offset(): number {
    return this.#entries[this.#first * 2];
  }

  /** Returns the length of the first packet; 0 if there is none. */
  get length(): number {
    return this.#count === 0 ? 0 : this.#entries[this.#first * 2 + 1];
  }

  /** Removes the first packet. Its bytes stay valid until the next `reserve`. */
  drop(): void {
    this.#used -= this.length;
    this.#first = (this.#first + 1) & (this.#entries.length / 2 - 1);
    this.#count--;
  }

  /** Takes back the last `count` packets that were appended. */
  undo(count: number): void {
    for (let i = 0; i < count; i++) {
      const place = ((this.#first + --this.#count) & (this.#entries.length / 2 - 1)) * 2;
      this.#used -= this.#entries[place + 1];
      this.#head = this.#entries[place];
    }
  }

  #grow(): void {
    const grown = new Int32Array(this.#entries.length * 2);
    const mask = this.#entries.length / 2 - 1;
    for (let i = 0; i < this.#count; i++) {
      const place = ((this.#first + i) & mask) * 2;
      grown[i * 2] = this.#entries[place];
      grown[i * 2 + 1] = this.#entries[place + 1];
    }
    this.#entries = grown;
    this.#first = 0;
  }
}
