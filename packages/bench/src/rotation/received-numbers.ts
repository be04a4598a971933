/**
 * `ReceivedNumbers`: records which packets of a numbered stream have arrived, and the gaps between
 * them.
 *
 * @module
 */

export interface StreamReport {
  /** How many different packets arrived. */
  readonly received: number;
  /** How many packets arrived again. */
  readonly duplicates: number;
  /**
   * The longest time between the arrivals of two successive packets. It includes pauses of a busy
   * machine.
   */
  readonly longestGapMs: number;
  /**
   * The longest series of consecutive packets that were lost. Packets after the last one that
   * arrived do not count.
   */
  readonly longestRunLost: number;
}

export class ReceivedNumbers {
  readonly #numbers: Set<number> = new Set();
  #duplicates = 0;
  #lastAt: number | undefined = undefined;
  #longestGapMs = 0;

  /** Records that packet `number` arrived at time `at`, in ms. */
  add(number: number, at: number): void {
    if (this.#lastAt !== undefined) {
      this.#longestGapMs = Math.max(this.#longestGapMs, at - this.#lastAt);
    }
    this.#lastAt = at;
    if (this.#numbers.has(number)) this.#duplicates++;
    this.#numbers.add(number);
  }

  report(): StreamReport {
    const { size: received } = this.#numbers;
    return {
      received,
      duplicates: this.#duplicates,
      longestGapMs: this.#longestGapMs,
      longestRunLost: this.#longestRunLost(),
    };
  }

  #longestRunLost(): number {
    let longest = 0;
    let next = 0;
    for (const number of [...this.#numbers].toSorted((a, b) => a - b)) {
      longest = Math.max(longest, number - next);
      next = number + 1;
    }
    return longest;
  }
}
