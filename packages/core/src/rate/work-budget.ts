/**
 * `WorkBudget`: limits the share of the time that goes into work which anybody can cause.
 *
 * Work is counted in milliseconds, at a fixed price for each kind, and may take a share of the
 * time. For example, 1 ms of work at a share of one tenth is paid for after 10 ms. After a pause, a
 * short burst is allowed. A caller who spends more than is left must wait until the work is paid
 * for. `freeAt` is the end of this wait.
 *
 * The engine has no clock to measure with, so the prices are fixed: they are what the work costs
 * with the fast crypto providers.
 *
 * @module
 */

export class WorkBudget {
  readonly #share: number;
  readonly #burst: number;
  #paidUntil = -Infinity;

  /**
   * @param share the part of the time that work may take, 0 to 1
   * @param burstMs how much work may be done at once after a pause, in milliseconds
   */
  constructor(share: number, burstMs: number) {
    this.#share = share;
    this.#burst = burstMs / share;
  }

  /** When work may be done again, in the milliseconds of `now`. */
  get freeAt(): number {
    return this.#paidUntil;
  }

  /**
   * Returns whether work may be done now. The last piece of work may cost more than what is left.
   */
  isFree(now: number): boolean {
    // The clock went back: do not wait for the old time.
    if (this.#paidUntil > now + LONGEST_WAIT_MS) this.#paidUntil = now;
    return this.#paidUntil <= now;
  }

  /** Allows a full burst again, because no other work needs the time. */
  refill(now: number): void {
    this.#paidUntil = Math.min(this.#paidUntil, now - this.#burst);
  }

  /** Counts `ms` milliseconds of work, also when the budget is used up. */
  spend(ms: number, now: number): void {
    this.#paidUntil = Math.max(this.#paidUntil, now - this.#burst) + ms / this.#share;
  }
}

/** No real wait is longer, not even the wait after initiations to a million peers at once. */
const LONGEST_WAIT_MS = 600_000;
