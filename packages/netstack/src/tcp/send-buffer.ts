/**
 * `SendBuffer`: bytes of the program until they are acknowledged. Position 0 is the first byte
 * that is not acknowledged.
 *
 * @module
 */
import { ChunkedBytes } from '../memory/chunked-bytes.ts';
import type { ChunkPool } from '../memory/chunk-pool.ts';

export class SendBuffer {
  readonly #pool: ChunkPool;
  /** Undefined until the program sends. This saves memory, because most connections are idle. */
  #data: ChunkedBytes | undefined = undefined;
  /** How many bytes the buffer may hold. It grows with the congestion window. */
  capacity: number;
  #length = 0;

  constructor(pool: ChunkPool, capacity: number) {
    this.#pool = pool;
    this.capacity = capacity;
  }

  /** The number of bytes that are kept. */
  get length(): number {
    return this.#length;
  }

  /** The number of bytes that can be added. */
  get free(): number {
    return Math.max(0, this.capacity - this.#length);
  }

  /** Appends bytes, which are copied. Returns how many were taken. */
  write(source: Uint8Array, offset: number, length: number): number {
    const count = Math.min(length, this.free);
    this.#data ??= new ChunkedBytes(this.#pool);
    const written = this.#data.write(this.#length, source, offset, count);
    this.#length += written;
    return written;
  }

  /** Copies the bytes from `position` on to `target`. The buffer must contain them. */
  copy(position: number, target: Uint8Array, offset: number, length: number): void {
    this.#data?.read(position, target, offset, length);
  }

  /** Frees the first `count` bytes, which are acknowledged. */
  release(count: number): void {
    this.#length -= count;
    if (this.#length === 0) this.#data?.clear();
    else this.#data?.release(count);
  }

  clear(): void {
    this.#data?.clear();
    this.#length = 0;
  }
}
