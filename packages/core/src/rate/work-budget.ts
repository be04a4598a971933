/**
 * `WorkBudget`: how much of the time may go into work that anybody can ask for.
 *
 * Work is counted in milliseconds, by its price, and may take a share of the time: work of 1 ms at a
 * share of a tenth is paid for after 10 ms. A little may be done at once after a pause. Whoever spends
 * more than there is waits until it is paid for, and that time is known exactly.
 *
 * The engine has no clock to measure with, so prices are what the work costs with the fast providers.
 *
 * @module
 */

export class WorkBudget {
  readonly #share: number;
  readonly #burst: number;
  #paidUntil = -Infinity;

  /** `burstMs`: of work, after a pause. */
  constructor(share: number, burstMs: number) {
    this.#share = share;
    this.#burst = burstMs / share;
  }

  /** From when on there may be spent again. */
  get freeAt(): number {
    return this.#paidUntil;
  }

  /** Whether anything may be spent; the last piece of work may cost more than what is left. */
  isFree(now: number): boolean {
    // A clock that stepped back: it is not waited for.
    if (this.#paidUntil > now + LONGEST_WAIT_MS) this.#paidUntil = now;
    return this.#paidUntil <= now;
  }

  /** Nobody else wants the time: what may be done at once is there again. */
  refill(now: number): void {
    this.#paidUntil = Math.min(this.#paidUntil, now - this.#burst);
  }

  /** Counts work of `ms` milliseconds, whether it is free or not. */
  spend(ms: number, now: number): void {
    this.#paidUntil = Math.max(this.#paidUntil, now - this.#burst) + ms / this.#share;
  }
}

/** More than all that is ever owed at once: the own initiations of a million peers. */
const LONGEST_WAIT_MS = 600_000;
