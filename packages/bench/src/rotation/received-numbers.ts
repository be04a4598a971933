/**
 * `ReceivedNumbers`: records which packets of a numbered stream have arrived, and the gaps between
 * them.
 *
 * @module
 */

/** A time without a packet. */
export interface Gap {
  /** When the gap ended, in ms. The clock is that of `ReceivedNumbers.add`. */
  readonly endedAt: number;
  readonly ms: number;
}

export interface StreamReport {
  /** How many different packets arrived. */
  readonly received: number;
  /** How many of the arrivals were packets that had arrived before. */
  readonly duplicates: number;
  /**
   * The longest time between the arrivals of two successive packets. It includes pauses of a busy
   * machine.
   */
  readonly longestGapMs: number;
  /** All gaps of at least `LEAST_GAP_MS`, in their order. */
  readonly gaps: readonly Gap[];
  /**
   * The longest series of consecutive packets that were lost. Packets after the last one that
   * arrived do not count.
   */
  readonly longestRunLost: number;
}

/** Shorter gaps are not listed. */
export const LEAST_GAP_MS = 2;

export class ReceivedNumbers {
  readonly #numbers: Set<number> = new Set();
  readonly #gaps: Gap[] = [];
  #duplicates = 0;
  #lastAt: number | undefined = undefined;
  #longestGapMs = 0;

  /** Records that packet `number` arrived at time `at`, in ms. */
  add(number: number, at: number): void {
    if (this.#lastAt !== undefined) {
      const ms = at - this.#lastAt;
      this.#longestGapMs = Math.max(this.#longestGapMs, ms);
      if (ms >= LEAST_GAP_MS) this.#gaps.push({ endedAt: at, ms });
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
      gaps: this.#gaps,
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
