/**
 * `RequestMemory`: a bound on what the requests of all connections take together that have not been
 * carried out yet.
 *
 * @module
 */

/** A connection whose request takes memory. */
export interface RequestHolder {
  /** Of the request that has not come to its end; 0 if there is none. */
  readonly unfinishedBytes: number;
  /** Answers that there is no memory, and lets go of what has come. */
  refuseUnfinished(): void;
}

export class RequestMemory {
  readonly #limit: number;
  readonly #byHolder: Map<RequestHolder, number> = new Map();
  #total = 0;

  /** @param limit in bytes, over all connections */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Of all connections. */
  get total(): number {
    return this.#total;
  }

  /**
   * So much belongs to it from now on. If that is too much over all, the largest request that has not
   * come to its end is refused, whoever sends it, until it is not.
   */
  hold(holder: RequestHolder, bytes: number): void {
    this.#total += bytes - (this.#byHolder.get(holder) ?? 0);
    if (bytes === 0) this.#byHolder.delete(holder);
    else this.#byHolder.set(holder, bytes);
    if (this.#total > this.#limit) this.#largest()?.refuseUnfinished();
  }

  #largest(): RequestHolder | undefined {
    let largest: RequestHolder | undefined;
    for (const holder of this.#byHolder.keys()) {
      const bytes = holder.unfinishedBytes;
      if (bytes > (largest?.unfinishedBytes ?? 0)) largest = holder;
    }
    return largest;
  }
}
