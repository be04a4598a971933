/**
 * `RequestMemory`: limits the memory that all requests together take until they are carried out.
 *
 * @module
 */

/** A connection whose request takes memory. */
export interface RequestOwner {
  /** Bytes of the request that has not arrived completely; 0: there is none. */
  readonly unfinishedBytes: number;
  /** Answers ENOMEM, and frees the part of the request that has arrived. */
  refuseUnfinished(): void;
}

export class RequestMemory {
  readonly #limit: number;
  readonly #byOwner: Map<RequestOwner, number> = new Map();
  #total = 0;

  /** @param limit in bytes, for all connections together */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Bytes of all connections together. */
  get total(): number {
    return this.#total;
  }

  /**
   * Sets how many bytes a connection holds. If all connections together hold too much, the largest
   * incomplete request of any connection is refused.
   */
  setUsed(owner: RequestOwner, bytes: number): void {
    this.#total += bytes - (this.#byOwner.get(owner) ?? 0);
    if (bytes === 0) this.#byOwner.delete(owner);
    else this.#byOwner.set(owner, bytes);
    if (this.#total > this.#limit) this.#largest()?.refuseUnfinished();
  }

  #largest(): RequestOwner | undefined {
    let largest: RequestOwner | undefined;
    for (const owner of this.#byOwner.keys()) {
      const bytes = owner.unfinishedBytes;
      if (bytes > (largest?.unfinishedBytes ?? 0)) largest = owner;
    }
    return largest;
  }
}
