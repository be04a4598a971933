/**
 * `DecorrelatedJitter`: how long to wait before the next try, so that many agents that lost the same
 * server don't come back to it together. Each wait is drawn between the base and three times the
 * last one.
 *
 * @module
 */

export interface JitterOptions {
  /** In milliseconds. The shortest wait. */
  readonly base: number;
  /** In milliseconds. The longest wait. */
  readonly cap: number;
  /** From 0 up to, not including, 1. */
  readonly random: () => number;
}

export class DecorrelatedJitter {
  readonly #options: JitterOptions;
  #last: number;

  constructor(options: JitterOptions) {
    this.#options = options;
    this.#last = options.base;
  }

  /** The next wait in milliseconds. */
  next(): number {
    const { base, cap, random } = this.#options;
    this.#last = Math.min(cap, base + random() * (this.#last * 3 - base));
    return this.#last;
  }

  /** After a success: the next wait is a short one again. */
  reset(): void {
    this.#last = this.#options.base;
  }
}
