/**
 * `RateSearch`: finds the rate that a receiver can take. Each trial offers a higher rate than the
 * trial before. The limit is found when a trial loses packets, an earlier trial has lost packets
 * too, and the receiver has taken at most 3 % more than in its best trial before. One last trial
 * then offers only a tenth more than the highest rate that the receiver has taken, because some
 * receivers take less while they are overloaded. The search ends after ten trials, even if no limit
 * was found.
 *
 * One trial is not enough to end a search. If all packets were taken, the receiver may have been
 * idle at times, and the figure would be that of the sender. If packets were lost, the receiver may
 * only have been delayed for a moment.
 *
 * @module
 */

export class RateSearch {
  #perMs: number;
  #most = 0;
  #trials = 0;
  #hasLost = false;
  #isFound = false;
  #isOver = false;

  /** @param perMs the rate of the first trial, in packets per ms */
  constructor(perMs: number) {
    this.#perMs = perMs;
  }

  /** The rate of the next trial, in packets per ms. */
  get perMs(): number {
    return this.#perMs;
  }

  /** Whether the highest rate that the receiver can take was found. */
  get isFound(): boolean {
    return this.#isFound;
  }

  /** Whether there is nothing more to try. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Adds the result of a trial: the offered rate and the taken rate, in packets per ms. */
  add(offered: number, taken: number): void {
    this.#isOver = this.#isFound || ++this.#trials >= MOST_TRIALS;
    if (this.#isFound) return;
    const isLost = taken < offered * ALMOST_ALL;
    this.#isFound = isLost && this.#hasLost && taken <= this.#most * MORE;
    this.#hasLost ||= isLost;
    this.#most = Math.max(this.#most, taken);
    if (this.#isFound) this.#perMs = this.#most * ABOVE;
    else this.#perMs *= isLost ? HIGHER : MUCH_HIGHER;
  }
}

/**
 * If the receiver has taken at least this share of the offered packets, it may be able to take
 * more.
 */
const ALMOST_ALL = 0.96;
/**
 * A trial counts as growth if the receiver took more than its highest rate before, multiplied by
 * this factor.
 */
const MORE = 1.03;
const HIGHER = 1.15;
const MUCH_HIGHER = 1.3;
const ABOVE = 1.1;
const MOST_TRIALS = 10;
