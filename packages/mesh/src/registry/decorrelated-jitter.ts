/**
 * `DecorrelatedJitter`: returns how long to wait before the next try. The waits are random, so many
 * agents that lost the same server do not reconnect at the same time. Each wait is between the base
 * and three times the previous wait, and at most `cap`.
 *
 * @module
 */

export interface JitterOptions {
  /** In milliseconds. The shortest wait. */
  readonly base: number;
  /** In milliseconds. The longest wait. */
  readonly cap: number;
  /** Returns a number from 0 up to, but not including, 1. */
  readonly random: () => number;
}

export class DecorrelatedJitter {
  readonly #options: JitterOptions;
  #last: number;

  constructor(options: JitterOptions) {
    this.#options = options;
    this.#last = options.base;
  }

  /** Returns the next wait in milliseconds. */
  next(): number {
    const { base, cap, random } = this.#options;
    this.#last = Math.min(cap, base + random() * (this.#last * 3 - base));
    return this.#last;
  }

  /** Call this after a success. The next wait is short again. */
  reset(): void {
    this.#last = this.#options.base;
  }
}
