/**
 * `SentSegments`: what was sent and is not acknowledged yet, in order: the scoreboard of RFC 6675
 * 3, with the times that RACK needs (RFC 8985 5.1).
 *
 * ```
 *  starts   | una ...... | ......... | ......... |      each ends where the next one starts
 *  sentAt, flags: one for each
 * ```
 * An entry is data that was sent in one piece, up to 64 KiB. It is split where the edge of a SACK
 * block or an acknowledgement falls into it. `sacked`, `lost` and `resent` are sums of bytes, so
 * that the number of bytes on the way is known at any time (RFC 6675 4, "pipe").
 *
 * @module
 */
import { distance, isAfter, isBefore } from '../wire/sequence.ts';

/** Bits of an entry. */
export const SENT = {
  /** The receiver has the data. */
  SACKED: 1,
  /** The segment is thought to be lost. */
  LOST: 2,
  /** The data was sent again after it was thought to be lost, and may be on the way. */
  RESENT: 4,
  /** The data has been sent more than once, so the time of sending gives no round trip. */
  EVER_RESENT: 8,
} as const;

export class SentSegments {
  #starts: Int32Array = NO_INTS;
  #sentAt: Float64Array = NO_FLOATS;
  #flags: Uint8Array = NO_BYTES;
  #count = 0;
  /** The sequence number after the last entry. */
  #end = 0;
  /** Bytes of entries that are sacked. */
  sacked: number = 0;
  /** Bytes of entries that are lost, also if they were sent again. */
  lost: number = 0;
  /** Bytes of lost entries that were sent again. */
  resent: number = 0;

  get count(): number {
    return this.#count;
  }

  /** RFC 6675 4: how many bytes are on the way. */
  get pipe(): number {
    if (this.#count === 0) return 0;
    return distance(this.#end, this.#starts[0]) - this.sacked - this.lost + this.resent;
  }

  start(index: number): number {
    return this.#starts[index];
  }

  end(index: number): number {
    return index + 1 < this.#count ? this.#starts[index + 1] : this.#end;
  }

  length(index: number): number {
    return distance(this.end(index), this.#starts[index]);
  }

  sentAt(index: number): number {
    return this.#sentAt[index];
  }

  has(index: number, flag: number): boolean {
    return (this.#flags[index] & flag) !== 0;
  }

  /** Appends an entry of new data, which begins where the last one ends. */
  append(start: number, length: number, now: number): void {
    this.#reserve();
    this.#starts[this.#count] = start;
    this.#sentAt[this.#count] = now;
    this.#flags[this.#count++] = 0;
    this.#end = (start + length) | 0;
  }

  /**
   * Returns the index of the entry that contains `sequence`; 0 if `sequence` is before the first
   * entry, `count` if it is after the last.
   */
  find(sequence: number): number {
    if (this.#count === 0 || !isBefore(sequence, this.#end)) return this.#count;
    let low = 0;
    let high = this.#count - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (isAfter(this.#starts[middle], sequence)) high = middle - 1;
      else low = middle;
    }
    return low;
  }

  /**
   * Splits the entry that contains `sequence`, so that an entry begins there. Returns the index of
   * that entry; 0 before the first entry, `count` after the last.
   */
  splitAt(sequence: number): number {
    const index = this.find(sequence);
    if (index === this.#count || this.#starts[index] === sequence) return index;
    if (isBefore(sequence, this.#starts[index])) return index;
    this.#reserve();
    this.#starts.copyWithin(index + 2, index + 1, this.#count);
    this.#sentAt.copyWithin(index + 1, index, this.#count);
    this.#flags.copyWithin(index + 1, index, this.#count);
    this.#starts[index + 1] = sequence;
    this.#count++;
    return index + 1;
  }

  /**
   * Removes the entries before `sequence`. An entry must begin there, or the last one must end
   * there.
   */
  removeUntil(sequence: number): void {
    let removed = 0;
    while (removed < this.#count && !isAfter(this.end(removed), sequence)) {
      this.#clear(removed, SENT.SACKED | SENT.LOST | SENT.RESENT);
      removed++;
    }
    if (removed === 0) return;
    this.#starts.copyWithin(0, removed, this.#count);
    this.#sentAt.copyWithin(0, removed, this.#count);
    this.#flags.copyWithin(0, removed, this.#count);
    this.#count -= removed;
    if (this.#count === 0 && this.#starts.length > KEPT) this.#release();
  }

  /** Marks an entry as received. */
  markSacked(index: number): void {
    this.#clear(index, SENT.LOST | SENT.RESENT);
    this.#flags[index] |= SENT.SACKED;
    this.sacked += this.length(index);
  }

  /** Marks an entry as lost, also if it was sent again and lost again. */
  markLost(index: number): void {
    const length = this.length(index);
    if (this.has(index, SENT.RESENT)) this.#clear(index, SENT.RESENT);
    if (this.has(index, SENT.LOST)) return;
    this.#flags[index] |= SENT.LOST;
    this.lost += length;
  }

  /** Records that an entry is sent again now. */
  markResent(index: number, now: number): void {
    if (this.has(index, SENT.LOST) && !this.has(index, SENT.RESENT)) {
      this.#flags[index] |= SENT.RESENT;
      this.resent += this.length(index);
    }
    this.#flags[index] |= SENT.EVER_RESENT;
    this.#sentAt[index] = now;
  }

  /** Removes the marks of all losses, because nothing was lost. */
  forgetLosses(): void {
    for (let i = 0; i < this.#count; i++) this.#clear(i, SENT.LOST | SENT.RESENT);
  }

  /**
   * Forgets what the receiver has reported (RFC 2018 8: the receiver may have dropped the data).
   */
  forgetSacks(): void {
    for (let i = 0; i < this.#count; i++) this.#clear(i, SENT.SACKED);
  }

  clear(): void {
    this.#count = 0;
    this.sacked = this.lost = this.resent = 0;
    this.#release();
  }

  #clear(index: number, flags: number): void {
    const length = this.length(index);
    const set = this.#flags[index] & flags;
    if (set & SENT.SACKED) this.sacked -= length;
    if (set & SENT.LOST) this.lost -= length;
    if (set & SENT.RESENT) this.resent -= length;
    this.#flags[index] &= ~flags;
  }

  #reserve(): void {
    if (this.#count < this.#starts.length) return;
    const size = Math.max(LEAST, this.#count * 2);
    const [starts, sentAt, flags] = [
      new Int32Array(size),
      new Float64Array(size),
      new Uint8Array(size),
    ];
    starts.set(this.#starts);
    sentAt.set(this.#sentAt);
    flags.set(this.#flags);
    this.#starts = starts;
    this.#sentAt = sentAt;
    this.#flags = flags;
  }

  #release(): void {
    this.#starts = NO_INTS;
    this.#sentAt = NO_FLOATS;
    this.#flags = NO_BYTES;
  }
}

const NO_INTS = new Int32Array(0);
const NO_FLOATS = new Float64Array(0);
const NO_BYTES = new Uint8Array(0);
const LEAST = 4;
/** Arrays with space for more entries are released when the last entry is removed. */
const KEPT = 32;
