/**
 * `CaptureRingWriter` and `CaptureRingReader`: a ring that passes the pcapng blocks of a capture
 * from the packet loop to a reader, which may be in another thread. The packet loop never waits for
 * the reader.
 *
 * ```
 *   | 16 words: head, tail, wrap, waits, counters | blocks ... free ... |
 * ```
 *
 * The memory is shared and its size is fixed. The blocks from `tail` to `head` wait for the reader.
 * If the reader is too slow, the ring is full, and packets are counted as not captured. A block is
 * never split. If it does not fit between `head` and the end, it begins at 0. `wrap` is the
 * position at which the reader then goes back to 0.
 *
 * @module
 */

/** Writes blocks into a ring, in the packet loop. */
export class CaptureRingWriter {
  /** The memory of the blocks. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly #words: Int32Array;
  /** Where the next block begins. Blocks up to here are written, but perhaps not yet published. */
  #at = 0;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory, 0, WORDS);
    this.bytes = new Uint8Array(memory, HEADER_BYTES);
    this.view = new DataView(memory, HEADER_BYTES);
  }

  /**
   * Returns where a block of at most `length` bytes can be written; -1: there is no room.
   *
   * @param length a multiple of 4
   */
  reserve(length: number): number {
    const size = this.bytes.length;
    const tail = Atomics.load(this.#words, TAIL);
    // `head` must not reach `tail` from behind, because equal positions mean an empty ring.
    if (this.#at < tail) return this.#at + length < tail ? this.#at : -1;
    if (this.#at + length < size || (this.#at + length === size && tail > 0)) return this.#at;
    if (length >= tail) return -1;
    Atomics.store(this.#words, WRAP, this.#at);
    return 0;
  }

  /** Ends the block that was written at `at`. The reader sees it after `publish`. */
  commit(at: number, length: number): void {
    const end = at + length;
    this.#at = end === this.bytes.length ? 0 : end;
    if (this.#at === 0) Atomics.store(this.#words, WRAP, end);
  }

  /** Discards all blocks since the last `publish`. */
  discard(): void {
    this.#at = Atomics.load(this.#words, HEAD);
  }

  /** Shows the reader all blocks that were committed. */
  publish(): void {
    Atomics.store(this.#words, HEAD, this.#at);
  }

  /** Adds packets to a counter. */
  count(counter: RingCounter, packets: number): void {
    Atomics.add(this.#words, FIRST_COUNTER + counter, packets);
  }

  /**
   * Whether the reader waits and there are blocks. If so, the caller must wake it. True only once
   * for each `wait`.
   */
  mustWake(): boolean {
    const words = this.#words;
    if (Atomics.load(words, HEAD) === Atomics.load(words, TAIL)) return false;
    return Atomics.exchange(words, WAITS, 0) === 1;
  }
}

/** Takes blocks out of a ring. */
export class CaptureRingReader {
  #memory!: SharedArrayBuffer;
  #words!: Int32Array;
  #bytes!: Uint8Array;
  #view!: DataView;

  /** @param memory of `ringBytes` bytes, all 0 */
  constructor(memory: SharedArrayBuffer) {
    this.#use(memory);
  }

  get memory(): SharedArrayBuffer {
    return this.#memory;
  }

  /**
   * Clears the memory and returns it, so that another ring can use it. No writer may use the memory
   * any more. Afterwards this ring is empty, but its counters keep their values.
   */
  detach(): SharedArrayBuffer {
    const [memory, words] = [this.#memory, this.#words];
    const counters = words.slice(FIRST_COUNTER);
    new Uint8Array(memory).fill(0);
    this.#use(new SharedArrayBuffer(HEADER_BYTES));
    this.#words.set(counters, FIRST_COUNTER);
    return memory;
  }

  /**
   * Returns a copy of the next blocks, and clears them in the ring. The copy ends with the block
   * with which it reaches `most` bytes.
   *
   * @returns undefined if there are none
   */
  take(most: number): Uint8Array | undefined {
    const words = this.#words;
    const head = Atomics.load(words, HEAD);
    let tail = Atomics.load(words, TAIL);
    if (tail === head) return undefined;
    let end = head;
    if (tail > head) {
      const wrap = Atomics.load(words, WRAP);
      // The reader has taken all blocks before `wrap`.
      if (tail === wrap) tail = 0;
      else end = wrap;
    }
    let next = tail;
    while (next < end && (next === tail || next - tail < most)) next += this.#lengthAt(next);
    const blocks = this.#bytes.slice(tail, next);
    // The blocks may contain keys.
    this.#bytes.fill(0, tail, next);
    Atomics.store(words, TAIL, next === this.#bytes.length ? 0 : next);
    return blocks;
  }

  /**
   * Marks the reader as waiting for blocks.
   *
   * @returns false if there are blocks already
   */
  wait(): boolean {
    Atomics.store(this.#words, WAITS, 1);
    return Atomics.load(this.#words, HEAD) === Atomics.load(this.#words, TAIL);
  }

  counter(counter: RingCounter): number {
    return Atomics.load(this.#words, FIRST_COUNTER + counter) >>> 0;
  }

  #use(memory: SharedArrayBuffer): void {
    this.#memory = memory;
    this.#words = new Int32Array(memory, 0, WORDS);
    this.#bytes = new Uint8Array(memory, HEADER_BYTES);
    this.#view = new DataView(memory, HEADER_BYTES);
  }

  #lengthAt(at: number): number {
    // The second word of every block of pcapng is its length.
    return this.#view.getUint32(at + 4, true);
  }
}

/** Returns the size of a ring's memory in bytes. @param length bytes for blocks; a multiple of 4 */
export function ringBytes(length: number): number {
  return HEADER_BYTES + length;
}

/** The counters of a ring: packets that were seen and packets that were not captured, per side. */
export const RING_COUNTER = { SEEN_INNER: 0, SEEN_OUTER: 1, LOST_INNER: 2, LOST_OUTER: 3 } as const;

/** One of the counters. It begins again at 0 after 2^32 packets. */
export type RingCounter = (typeof RING_COUNTER)[keyof typeof RING_COUNTER];

const HEAD = 0;
const TAIL = 1;
const WRAP = 2;
const WAITS = 3;
const FIRST_COUNTER = 4;
const WORDS = 16;
const HEADER_BYTES: number = WORDS * 4;
