/**
 * `ChunkPool`: the memory of all sockets of a stack, in chunks of one size.
 *
 * ```
 *  bytes   | chunk 0 | chunk 1 | ... | chunk n-1 |      one buffer
 *  free    numbers of free chunks, the one that was used last on top
 *  place   for each chunk: where it is in `free`, counted from 1; 0: it is not there
 * ```
 * The size of the pool limits all buffers together, and `ChunkedBytes` divides it among them. A
 * socket without waiting bytes has no chunk. The system provides a page of the pool when it is
 * written to for the first time, and chunks that were used before are used again first. So a large
 * pool costs nothing until it is needed.
 *
 * A stream gets neighbouring chunks where that is possible, because neighbours are copied in one
 * call.
 *
 * @module
 */

/** The size of a chunk in bytes. A power of two. */
export const CHUNK_SIZE = 4096;

export class ChunkPool {
  /** The memory of all chunks. Chunk `i` begins at `i * CHUNK_SIZE`. */
  readonly bytes: Uint8Array;
  readonly #free: Int32Array;
  readonly #place: Int32Array;
  #freeCount = 0;
  /** Chunks from this number on were never used. */
  #untouched = 0;

  /** @param limit the size in bytes; rounded up to whole chunks */
  constructor(limit: number) {
    const count = Math.ceil(limit / CHUNK_SIZE);
    this.bytes = new Uint8Array(count * CHUNK_SIZE);
    this.#free = new Int32Array(count);
    this.#place = new Int32Array(count);
  }

  /** The number of chunks that are free. */
  get available(): number {
    return this.#freeCount + this.#free.length - this.#untouched;
  }

  /**
   * The number of free chunks, without the reserve for the first chunks of windows; see
   * `ChunkedBytes`.
   */
  get shared(): number {
    return Math.max(0, this.available - (this.size >> 4));
  }

  /** The number of all chunks. */
  get size(): number {
    return this.#free.length;
  }

  /**
   * Takes a free chunk, which may have any content. Returns its number; -1 if all are in use.
   *
   * @param previous the chunk before it in a stream, or -1. If possible, the chunk right after
   *   `previous` is taken.
   */
  allocate(previous: number = -1): number {
    if (previous !== -1 && this.#isFree(previous + 1)) return this.#take(previous + 1);
    if (this.#freeCount === 0) {
      return this.#untouched < this.#free.length ? this.#untouched++ : -1;
    }
    // Takes the first chunk of a row of free chunks, so that a stream can get the next ones too.
    let chunk = this.#free[this.#freeCount - 1];
    for (let steps = 0; steps < LONGEST_ROW && this.#isFree(chunk - 1); steps++) chunk--;
    return this.#take(chunk);
  }

  /** Gives a chunk back. It must not be used afterwards. */
  release(chunk: number): void {
    this.#free[this.#freeCount++] = chunk;
    this.#place[chunk] = this.#freeCount;
  }

  /** Returns whether a chunk was used before and is free. Any number is allowed. */
  #isFree(chunk: number): boolean {
    return chunk >= 0 && chunk < this.#untouched && this.#place[chunk] !== 0;
  }

  /** Takes a free chunk out of the list. The last chunk of the list moves to its place. */
  #take(chunk: number): number {
    const place = this.#place[chunk];
    const last = this.#free[--this.#freeCount];
    this.#free[place - 1] = last;
    this.#place[last] = place;
    this.#place[chunk] = 0;
    return chunk;
  }
}

/** As many chunks as a super-packet needs. */
const LONGEST_ROW = 16;
