/**
 * `ByteRanges`: sorted ranges of positions that do not touch each other, in one array.
 *
 * They record which bytes of a stream, or of a datagram in fragments, have arrived after a gap. The
 * number of ranges is bounded, because a sender chooses the gaps.
 *
 * @module
 */

export class ByteRanges {
  /** start, end, start, end, ...; the end is the position after the last byte. */
  #bounds: Int32Array = NONE;
  #count = 0;
  readonly #limit: number;

  /** @param limit the largest number of ranges */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The number of ranges. */
  get count(): number {
    return this.#count;
  }

  /** Returns where a range begins. */
  start(index: number): number {
    return this.#bounds[index * 2];
  }

  /** Returns the position after a range. */
  end(index: number): number {
    return this.#bounds[index * 2 + 1];
  }

  /** Returns the index of the first range that ends at `position` or later; `count`: none does. */
  find(position: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#bounds[middle * 2 + 1] < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Whether a byte from `start` to before `end` is in a range. */
  overlaps(start: number, end: number): boolean {
    const index = this.find(start + 1);
    return index < this.#count && this.#bounds[index * 2] < end;
  }

  /** Whether all bytes from `start` to before `end` are in one range. */
  covers(start: number, end: number): boolean {
    const index = this.find(start + 1);
    if (index === this.#count) return false;
    return this.#bounds[index * 2] <= start && this.#bounds[index * 2 + 1] >= end;
  }

  /**
   * Adds the bytes from `start` to before `end`, and joins ranges that touch them.
   *
   * @returns false if there are too many ranges; nothing was added then
   */
  add(start: number, end: number): boolean {
    const first = this.find(start);
    let last = first;
    while (last < this.#count && this.#bounds[last * 2] <= end) last++;
    if (last === first) return this.#insert(first, start, end);
    const bounds = this.#bounds;
    bounds[first * 2] = Math.min(bounds[first * 2], start);
    bounds[first * 2 + 1] = Math.max(bounds[last * 2 - 1], end);
    if (last > first + 1) {
      bounds.copyWithin((first + 1) * 2, last * 2, this.#count * 2);
      this.#count -= last - first - 1;
    }
    return true;
  }

  /** Removes the bytes before `position`, and subtracts `position` from all other positions. */
  shift(position: number): void {
    const first = this.find(position + 1);
    const bounds = this.#bounds;
    if (first > 0) bounds.copyWithin(0, first * 2, this.#count * 2);
    this.#count -= first;
    for (let i = 0; i < this.#count * 2; i++) bounds[i] = Math.max(0, bounds[i] - position);
  }

  clear(): void {
    this.#count = 0;
    this.#bounds = NONE;
  }

  #insert(index: number, start: number, end: number): boolean {
    if (this.#count === this.#limit) return false;
    if (this.#bounds.length < (this.#count + 1) * 2) {
      const grown = new Int32Array(Math.min(this.#limit, Math.max(4, this.#count * 2)) * 2);
      grown.set(this.#bounds);
      this.#bounds = grown;
    }
    this.#bounds.copyWithin((index + 1) * 2, index * 2, this.#count * 2);
    this.#bounds[index * 2] = start;
    this.#bounds[index * 2 + 1] = end;
    this.#count++;
    return true;
  }
}

const NONE = new Int32Array(0);
