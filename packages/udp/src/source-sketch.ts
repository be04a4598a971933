/**
 * `SourceSketch`: finds the sources that send many handshake messages. The size of its tables does
 * not depend on the number of sources.
 *
 * Two tables count messages by two hashes of the source (an IPv4 address or an IPv6 /64). Counts
 * fade with time. A source is marked if its entries in both tables are far above what honest peers
 * send. The hashes have secret factors, so an attacker cannot choose addresses that share entries
 * with a given peer. With a thousand sources in the tables, about one in twenty other sources
 * shares both entries with them by chance.
 *
 * @module
 */
import { randomFillSync } from 'node:crypto';

/**
 * Coefficients of a hash function of a source, all modulo 2^32. `high` and `low` are the first and
 * the next 32 bits of the address; `low` is 0 for IPv4. The shift is needed because floods often
 * come from neighbouring addresses, and a product alone would spread such addresses too evenly:
 * they would share entries with more other sources.
 *
 * ```
 * sum = first * high + second * low + addend
 * entry = ((sum ^ (sum >>> 15)) * third) >>> (32 - ENTRY_BITS)
 * ```
 */
export interface SourceHash {
  readonly first: number;
  readonly second: number;
  readonly addend: number;
  readonly third: number;
}

/**
 * Counts messages by source, and marks the sources that send too many. It counts in three tables of
 * fixed size: the two whose marks are used, and the next one.
 */
export class SourceSketch {
  readonly #random: (out: Uint32Array) => void;
  #tables: readonly [SourceTable, SourceTable];
  /** The next table. It already counts, but its marks are not used yet. */
  #next: SourceTable;
  #intervals = 0;

  /** @param random fills an array with secret random numbers */
  constructor(random: (out: Uint32Array) => void = (out) => void randomFillSync(out)) {
    this.#random = random;
    this.#tables = [new SourceTable(random), new SourceTable(random)];
    this.#next = new SourceTable(random);
  }

  /** The two tables whose marks are used. */
  get tables(): readonly [SourceTable, SourceTable] {
    return this.#tables;
  }

  /**
   * Counts a message `weight` times.
   *
   * @param high the first 32 bits of the address, in network order
   * @param low the next 32 bits; 0 for IPv4
   */
  note(high: number, low: number, weight: number): void {
    this.#tables[0].note(high, low, weight);
    this.#tables[1].note(high, low, weight);
    this.#next.note(high, low, weight);
  }

  isMarked(high: number, low: number): boolean {
    return this.#tables[0].isMarked(high, low) && this.#tables[1].isMarked(high, low);
  }

  /** Whether any source may be marked. */
  get hasMarks(): boolean {
    return this.#tables.every(({ marks }) => marks.some((word) => word !== 0));
  }

  /**
   * Must be called at the end of each interval. Marks the sources with high counts, and lets the
   * counts fade.
   */
  endInterval(): void {
    for (const table of [...this.#tables, this.#next]) table.endInterval();
    if (++this.#intervals % INTERVALS_PER_TABLE !== 0) return;
    this.#tables = [this.#tables[1], this.#next];
    this.#next = new SourceTable(this.#random);
  }
}

/** Counts messages by one hash of the source, and marks the entries with high counts. */
export class SourceTable {
  readonly hash: SourceHash;
  /** One bit per entry. */
  readonly marks: Uint32Array = new Uint32Array((1 << ENTRY_BITS) / 32);
  readonly #counts = new Float32Array(1 << ENTRY_BITS);

  constructor(random: (out: Uint32Array) => void) {
    const secrets = new Uint32Array(4);
    random(secrets);
    const [first = 0, second = 0, addend = 0, third = 0] = secrets;
    this.hash = { first: odd(first), second: odd(second), addend, third: odd(third) };
  }

  note(high: number, low: number, weight: number): void {
    const entry = this.#entryOf(high, low);
    this.#counts[entry] = this.#counts[entry]! + weight;
  }

  isMarked(high: number, low: number): boolean {
    const entry = this.#entryOf(high, low);
    return ((this.marks[entry >>> 5]! >>> (entry & 31)) & 1) === 1;
  }

  /**
   * A mark stays as long as the table does, because a source whose messages rarely pass the filter
   * must not be forgotten in between.
   */
  endInterval(): void {
    for (let entry = 0; entry < this.#counts.length; entry++) {
      const count = this.#counts[entry]!;
      if (count > MARKED_ABOVE) this.marks[entry >>> 5]! |= 1 << (entry & 31);
      this.#counts[entry] = count * KEPT;
    }
  }

  #entryOf(high: number, low: number): number {
    const { first, second, addend, third } = this.hash;
    const sum = (Math.imul(high, first) + Math.imul(low, second) + addend) | 0;
    return Math.imul(sum ^ (sum >>> 15), third) >>> (32 - ENTRY_BITS);
  }
}

function odd(factor: number): number {
  return (factor | 1) >>> 0;
}

/**
 * An entry is marked above this count. With a call of `endInterval` every eighth of a second, this
 * is about ten messages per second.
 */
const MARKED_ABOVE = 4;
// The part of a count that remains after `endInterval`.
const KEPT = 0.7;
/**
 * After this many intervals (a second), the older of the two tables is replaced by the next one. So
 * an honest source that shares its entries with a flooding one gets through within its first
 * retries.
 */
const INTERVALS_PER_TABLE = 8;
/** The tables have 2^12 entries, so the marks of a table are 128 words. */
export const ENTRY_BITS = 12;
