/**
 * `DnsCache`: keeps a limited number of answers of DNS servers, each as long as it is valid.
 *
 * @module
 */

interface Entry<Value> {
  readonly value: Value;
  /** When the value ceases to be valid, in ms of `now`. */
  readonly until: number;
}

export class DnsCache<Value> {
  readonly #entries = new Map<string, Entry<Value>>();
  readonly #limit: number;
  readonly #now: () => number;

  /**
   * @param limit the largest number of entries
   * @param now monotonic ms
   */
  constructor(limit: number, now: () => number) {
    this.#limit = limit;
    this.#now = now;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Returns the value of a key; undefined: there is none, or it is too old. */
  find(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    if (entry.until > this.#now()) return entry.value;
    this.#entries.delete(key);
    return undefined;
  }

  /**
   * Keeps a value. If the cache is full, the entry that was kept first is forgotten.
   *
   * @param ttl seconds; 0: the value is not kept, and an older value of the key is forgotten. More
   *   than a day counts as a day.
   */
  keep(key: string, value: Value, ttl: number): void {
    this.#entries.delete(key);
    if (!(ttl > 0)) return;
    if (this.#entries.size >= this.#limit) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
    this.#entries.set(key, { value, until: this.#now() + Math.min(ttl, LONGEST_TTL) * 1000 });
  }

  clear(): void {
    this.#entries.clear();
  }
}

const LONGEST_TTL = 86_400;
