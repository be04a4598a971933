/**
 * `TurnBudget`: a budget for one kind of work. A peer or a pair that must wait reserves a turn.
 *
 * Turns are reserved at the pace of the budget. If the machine is slow, the work takes longer than
 * its price, and the next call comes when many turns are due. If all these turns were taken at
 * once, the call would take even longer, and still more turns would be due at the next call. So the
 * budget has a clock of its own. When a call is later than a limit (`#most`), this clock falls
 * behind the caller's clock by as much as the call exceeds the limit.
 *
 * @module
 */
import { WorkBudget } from './work-budget.ts';

/** An object that can reserve a turn: a peer, or a static pair for probes. */
export interface TurnHolder {
  /** When its turn comes, in ms of the budget's clock; Infinity if no turn is reserved. */
  turnAt: number;
}

/**
 * The methods of `WorkBudget` take times of the budget's clock. The other methods take times of the
 * caller's clock.
 */
export class TurnBudget extends WorkBudget {
  readonly #price: number;
  /** How late a call may be, in milliseconds, before the budget's clock is held back. */
  readonly #most: number;
  /** How far the budget's clock is behind the caller's clock. */
  #behind = 0;
  /** The time of the caller's clock in this call. */
  #now = -Infinity;

  /** The time of the budget's clock in the call before this call. */
  #before = -Infinity;

  /**
   * @param share the part of the time that the work may take, 0 to 1
   * @param burstMs how much work may be done at once, in milliseconds
   * @param priceMs what one turn costs, in milliseconds
   */
  constructor(share: number, burstMs: number, priceMs: number) {
    super(share, burstMs);
    this.#price = priceMs;
    this.#most = burstMs / share;
  }

  /** Returns whether the holder may do the work now. If not, reserves a turn for it. */
  isItsTurn(holder: TurnHolder, now: number): boolean {
    const clock = this.#clockAt(now, holder.turnAt);
    if (holder.turnAt === Infinity) {
      if (this.isFree(clock)) return true;
      holder.turnAt = this.freeAt;
      this.spend(this.#price, clock);
    }
    return this.dueAt(holder) <= now;
  }

  /**
   * Returns the time at which to ask again for the reserved turn, in the milliseconds of `now`. If
   * a call before that time is late, the turn comes later.
   */
  dueAt(holder: TurnHolder): number {
    return holder.turnAt + this.#behind;
  }

  /**
   * Records that the work is done, and uses up the reserved turn. If that turn is due, the work was
   * counted when the turn was reserved. If no turn is due, the work is counted now.
   */
  spendTurn(holder: TurnHolder, now: number): void {
    if (this.dueAt(holder) > now) this.spend(this.#price, now - this.#behind);
    holder.turnAt = Infinity;
  }

  /**
   * Returns the time of the budget's clock. Holds the clock back if this call is late for the turn
   * at `turnAt`.
   */
  #clockAt(now: number, turnAt: number): number {
    if (now !== this.#now) {
      this.#before = this.#now - this.#behind;
      this.#now = now;
    }
    if (this.isFree(now - this.#behind)) this.#behind = 0;
    const late = now - this.#behind - turnAt;
    // If the turn was already due in the call before, the holder did not use it. Then the turn does
    // not show that this call is late.
    if (turnAt > this.#before && late > this.#most) this.#behind += late - this.#most;
    return now - this.#behind;
  }
}
