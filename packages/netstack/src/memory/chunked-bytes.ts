/**
 * `ChunkedBytes`: a window of a byte stream in chunks of a pool.
 *
 * ```
 *              start
 *  chunks   |....#####|#########|         |#####....|     a chunk may be missing
 *                position 0 ..........................
 * ```
 * Positions count from the first byte that was not released. Bytes may be written at any position:
 * the chunks before it need not exist. The window does not record which bytes were written. The
 * code that uses the window must know this.
 *
 * The windows of a pool share it fairly: a window gets a chunk only while more chunks are free than
 * it has (the dynamic threshold of Choudhury and Hahne, 1998). So one greedy window has half of the
 * pool, n greedy windows have 1/(n+1) each, and as much is left for the next window. The first
 * chunk of a window is always allowed, because it is soon free again: a program reads it, or the
 * other side acknowledges it. A sixteenth of the pool is kept for first chunks. Without this
 * reserve, windows that grew while much was free would leave nothing for new windows.
 *
 * @module
 */
import { CHUNK_SIZE, type ChunkPool } from './chunk-pool.ts';
import { copyBytes } from './copy-bytes.ts';

export class ChunkedBytes {
  readonly #pool: ChunkPool;
  /** A ring of chunk numbers, -1 for a missing one. Its size is a power of two, or 0. */
  #chunks: Int32Array = NONE;
  /** Where chunk 0 of the window is in the ring. */
  #first = 0;
  /** The position in chunk 0 at which the window begins. */
  #skipped = 0;
  /** The number of chunks of the window, including missing ones. */
  #length = 0;
  #allocated = 0;

  constructor(pool: ChunkPool) {
    this.#pool = pool;
  }

  /** The number of bytes of the chunks that the window has. */
  get memory(): number {
    return this.#allocated * CHUNK_SIZE;
  }

  /** How many bytes the window may hold in the present state of the pool. */
  get allowance(): number {
    return allowanceOf(this.#pool, this.#allocated);
  }

  /**
   * Writes bytes at a position. They are copied.
   *
   * @returns how many were written, from the first one on; fewer than `length` if the window has
   *   reached its share of the pool, or the pool is empty
   */
  write(position: number, source: Uint8Array, offset: number, length: number): number {
    let at = this.#skipped + position;
    let done = 0;
    while (done < length) {
      const chunk = this.#ensure(at >>> CHUNK_SHIFT);
      if (chunk === -1) return done;
      const within = at & CHUNK_MASK;
      let part = CHUNK_SIZE - within;
      for (let last = chunk; part < length - done; part += CHUNK_SIZE) {
        if (this.#ensure((at + part) >>> CHUNK_SHIFT) !== ++last) break;
      }
      part = Math.min(part, length - done);
      copyBytes(source, offset + done, this.#pool.bytes, chunk * CHUNK_SIZE + within, part);
      done += part;
      at += part;
    }
    return done;
  }

  /** Copies `length` bytes at a position, which must have been written, to `target`. */
  read(position: number, target: Uint8Array, offset: number, length: number): void {
    let at = this.#skipped + position;
    let done = 0;
    while (done < length) {
      const chunk = this.#chunkAt(at >>> CHUNK_SHIFT);
      const within = at & CHUNK_MASK;
      let part = CHUNK_SIZE - within;
      for (let last = chunk; part < length - done; part += CHUNK_SIZE) {
        if (this.#chunkAt((at + part) >>> CHUNK_SHIFT) !== ++last) break;
      }
      part = Math.min(part, length - done);
      copyBytes(this.#pool.bytes, chunk * CHUNK_SIZE + within, target, offset + done, part);
      done += part;
      at += part;
    }
  }

  /** Moves the start of the window by `count` bytes. The chunks before it go back to the pool. */
  release(count: number): void {
    this.#skipped += count;
    while (this.#skipped >= CHUNK_SIZE) {
      this.#skipped -= CHUNK_SIZE;
      if (this.#length > 0) this.#dropFirst();
    }
  }

  /** Gives back all chunks that have no byte before a position. */
  truncate(position: number): void {
    const kept = (this.#skipped + position + CHUNK_MASK) >>> CHUNK_SHIFT;
    while (this.#length > kept) {
      this.#free((this.#first + --this.#length) & (this.#chunks.length - 1));
    }
  }

  /** Gives back all chunks, also a partly used one: nothing of the window is needed any more. */
  clear(): void {
    while (this.#length > 0) this.#dropFirst();
    this.#skipped = 0;
    this.#first = 0;
    // A stream is empty again and again, so a short ring is kept. A long ring would take too much
    // memory.
    if (this.#chunks.length > KEPT_RING) this.#chunks = NONE;
  }

  #chunkAt(index: number): number {
    return this.#chunks[(this.#first + index) & (this.#chunks.length - 1)];
  }

  /**
   * Returns the chunk at an index of the window. Takes one from the pool if it is missing.
   *
   * @returns the number of the chunk; -1 if the pool gives none
   */
  #ensure(index: number): number {
    if (index >= this.#chunks.length) this.#grow(index + 1);
    const mask = this.#chunks.length - 1;
    while (this.#length <= index) this.#chunks[(this.#first + this.#length++) & mask] = -1;
    const place = (this.#first + index) & mask;
    if (this.#chunks[place] === -1) {
      if (index > 0 && this.#allocated >= this.#pool.shared) return -1;
      const chunk = this.#pool.allocate(index === 0 ? -1 : this.#chunkAt(index - 1));
      if (chunk === -1) return -1;
      this.#chunks[place] = chunk;
      this.#allocated++;
    }
    return this.#chunks[place];
  }

  #dropFirst(): void {
    this.#free(this.#first);
    this.#first = (this.#first + 1) & (this.#chunks.length - 1);
    this.#length--;
  }

  #free(place: number): void {
    const chunk = this.#chunks[place];
    if (chunk === -1) return;
    this.#pool.release(chunk);
    this.#chunks[place] = -1;
    this.#allocated--;
  }

  #grow(size: number): void {
    const grown = new Int32Array(2 ** Math.ceil(Math.log2(Math.max(size, SMALLEST_RING)))).fill(-1);
    const mask = this.#chunks.length - 1;
    for (let i = 0; i < this.#length; i++) grown[i] = this.#chunks[(this.#first + i) & mask];
    this.#chunks = grown;
    this.#first = 0;
  }
}

/**
 * Returns how many bytes a window may hold in the present state of the pool.
 *
 * @param allocated the number of chunks that the window has
 */
export function allowanceOf(pool: ChunkPool, allocated: number): number {
  const more = Math.max(0, (pool.shared - allocated) >> 1);
  return Math.max(1, allocated + more) * CHUNK_SIZE;
}

const NONE = new Int32Array(0);
const SMALLEST_RING = 4;
/** More chunks than a super-packet needs. */
const KEPT_RING = 32;
const CHUNK_MASK = CHUNK_SIZE - 1;
const CHUNK_SHIFT = 31 - Math.clz32(CHUNK_SIZE);
