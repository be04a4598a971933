/**
 * `ReceiveBuffer`: received bytes until the program reads them, including bytes after a gap.
 *
 * ```
 *   read | readable ........ | gap | out of order ..... | free
 *        0                   next                        capacity
 * ```
 * Bytes are written to their place at once, so reassembly moves nothing. `ByteRanges` says which
 * bytes after `next` are there.
 *
 * @module
 */
import { ByteRanges } from '../memory/byte-ranges.ts';
import { allowanceOf, ChunkedBytes } from '../memory/chunked-bytes.ts';
import type { ChunkPool } from '../memory/chunk-pool.ts';

export class ReceiveBuffer {
  readonly #pool: ChunkPool;
  /** Undefined until something is received. */
  #data: ChunkedBytes | undefined = undefined;
  /** Positions count from the first byte that has not come. Undefined until there is a gap. */
  #ahead: ByteRanges | undefined = undefined;
  /**
   * How many bytes may be held from the first unread one on. It only grows (RFC 9293 3.8.6.2.2
   * forbids shrinking).
   */
  capacity: number;
  #readable = 0;

  /** @param capacity the first value of `capacity` */
  constructor(pool: ChunkPool, capacity: number) {
    this.#pool = pool;
    this.capacity = capacity;
  }

  /** The number of bytes that can be read. */
  get readable(): number {
    return this.#readable;
  }

  /**
   * The number of bytes from the first missing one to the end of the buffer. If the buffer's share
   * of the pool ends before that, this is the number of bytes up to there. The other side may send
   * this many bytes, so there must be memory for them.
   */
  get free(): number {
    const allowance = this.#data ? this.#data.allowance : allowanceOf(this.#pool, 0);
    return Math.max(0, Math.min(this.capacity, allowance) - this.#readable);
  }

  /** The received ranges after the first missing byte. Positions count from that byte. */
  get ahead(): ByteRanges {
    return this.#ahead ?? NO_RANGES;
  }

  /**
   * Adds bytes. They are copied. Bytes after the end of the buffer must have been cut off.
   *
   * Bytes after a gap are refused while less than half of the pool is free: their sender has to
   * keep them anyway (RFC 2018 8), and decides how long they wait. A single byte takes a chunk, so
   * a few thousand segments could keep every other socket from sending and receiving.
   *
   * @param position where the bytes belong, counted from the first missing byte; 0 or more
   * @returns by how many bytes the readable part has grown; -1: the bytes were refused, or there
   *   was no memory or no range for them
   */
  write(position: number, source: Uint8Array, offset: number, length: number): number {
    if (position > 0 && this.#pool.available * 2 < this.#pool.size) return -1;
    this.#data ??= new ChunkedBytes(this.#pool);
    const written = this.#data.write(this.#readable + position, source, offset, length);
    if (position > 0) {
      if (written < length) return -1;
      this.#ahead ??= new ByteRanges(MOST_RANGES);
      return this.#ahead.add(position, position + length) ? 0 : -1;
    }
    if (written === 0 && length > 0) return -1;
    const grown = this.#ahead ? closeGap(this.#ahead, written) : written;
    this.#readable += grown;
    return grown;
  }

  /** Copies up to `length` bytes to `target` and frees them. Returns how many. */
  read(target: Uint8Array, offset: number, length: number): number {
    const count = Math.min(length, this.#readable);
    if (count === 0 || !this.#data) return 0;
    this.#data.read(0, target, offset, count);
    this.#readable -= count;
    if (this.#readable === 0 && this.ahead.count === 0) this.#data.clear();
    else this.#data.release(count);
    return count;
  }

  /** Frees everything. */
  clear(): void {
    this.#data?.clear();
    this.#ahead?.clear();
    this.#readable = 0;
  }
}

/** The ranges of a buffer without a gap. Nothing can be added to it. */
export const NO_RANGES: ByteRanges = new ByteRanges(0);

/**
 * Must be called when `written` bytes have come at the first missing byte. Returns by how many
 * bytes the readable part grows: these bytes and, if they close the gap, the bytes after the gap.
 */
function closeGap(ahead: ByteRanges, written: number): number {
  let grown = written;
  for (let i = 0; i < ahead.count && ahead.start(i) <= grown; i++) {
    grown = Math.max(grown, ahead.end(i));
  }
  ahead.shift(grown);
  return grown;
}

/** A sender can make as many gaps as it likes, so at most this many ranges are remembered. */
const MOST_RANGES = 256;
