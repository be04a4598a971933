/**
 * `ChunkPool`: the memory of all sockets of a stack, in chunks of one size.
 *
 * ```
 *  bytes   | chunk 0 | chunk 1 | ... | chunk n-1 |      one buffer
 *  free    numbers of free chunks, the one that was used last on top
 * ```
 * Its size is the bound of all buffers together. A socket without waiting bytes has no chunk. The
 * system gives a page to the buffer when it is written to for the first time, and chunks that were
 * used before are used again first. So a large limit costs nothing until it is needed.
 *
 * @module
 */

/** The size of a chunk in bytes. A power of two. */
export const CHUNK_SIZE = 4096;

export class ChunkPool {
  /** The memory of all chunks. Chunk `i` begins at `i * CHUNK_SIZE`. */
  readonly bytes: Uint8Array;
  readonly #free: Int32Array;
  #freeCount = 0;
  /** Chunks from this number on were never used. */
  #untouched = 0;

  /** @param limit the most bytes; rounded up to whole chunks */
  constructor(limit: number) {
    const count = Math.ceil(limit / CHUNK_SIZE);
    this.bytes = new Uint8Array(count * CHUNK_SIZE);
    this.#free = new Int32Array(count);
  }

  /** The number of chunks that are free. */
  get available(): number {
    return this.#freeCount + this.#free.length - this.#untouched;
  }

  /** The number of all chunks. */
  get size(): number {
    return this.#free.length;
  }

  /** Returns the number of a chunk with any content; -1 if all are in use. */
  allocate(): number {
    if (this.#freeCount > 0) return this.#free[--this.#freeCount];
    return this.#untouched < this.#free.length ? this.#untouched++ : -1;
  }

  /** Gives a chunk back. It must not be used afterwards. */
  release(chunk: number): void {
    this.#free[this.#freeCount++] = chunk;
  }
}
