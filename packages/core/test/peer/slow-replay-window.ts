/**
 * The simplest `ReplayWindow`, for comparison: a set of all counters ever seen.
 *
 * @module
 */

export class SlowReplayWindow {
  readonly #seen = new Set<number>();
  #greatest = -1;

  check(counter: number): boolean {
    return !this.#seen.has(counter) && this.#greatest - counter <= 8128;
  }

  accept(counter: number): boolean {
    if (!this.check(counter)) return false;
    this.#seen.add(counter);
    this.#greatest = Math.max(this.#greatest, counter);
    return true;
  }
}
