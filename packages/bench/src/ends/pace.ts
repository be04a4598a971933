/**
 * `Pace`: the rate at which a generator sends. It is a little above the rate that the measured
 * program takes, so the generator leaves the rest of the CPU time to that program.
 *
 * @module
 */
import { median } from '../results/statistics.ts';

export class Pace {
  #perMs: number;
  #sent = 0;
  /** Packets that were due but will never be sent, because the sender was too late for them. */
  #skipped = 0;
  #taken: number[] = [];
  #since: number;

  /** @param now in ms. @param perMs how many packets to send per ms at first */
  constructor(now: number, perMs: number) {
    this.#since = now;
    this.#perMs = perMs;
  }

  /** The present rate, in packets per ms. */
  get perMs(): number {
    return this.#perMs;
  }

  /**
   * Returns how many packets are due at `now`. After a delay, at most the packets of the last 4 ms
   * are due, because a longer burst would overflow the queue of a receiver that is idle. At a low
   * rate, the packets of 4 ms are fewer than `ONE_CALL`. Then at most `ONE_CALL` packets are due.
   */
  due(now: number): number {
    const due = Math.floor(this.#perMs * (now - this.#since)) - this.#sent - this.#skipped;
    const most = Math.max(Math.ceil(this.#perMs * LONGEST_DELAY_MS), ONE_CALL);
    if (due <= most) return due;
    this.#skipped += due - most;
    return most;
  }

  countSent(packets: number): void {
    this.#sent += packets;
  }

  /**
   * Ends a window and sets the rate for the next window. If at least 95 % of the packets were
   * taken, the next rate is 1.4 times the present rate. If fewer were taken, the next rate is a
   * tenth higher than the rate at which packets were taken.
   *
   * @param taken how many packets were taken in the window that ends at `now`
   */
  adapt(now: number, taken: number): void {
    const elapsed = now - this.#since;
    if (elapsed <= 0) return;
    const perMs = taken / elapsed;
    this.#taken.push(perMs);
    const hasTakenAll = taken >= this.#sent * ALMOST_ALL;
    this.#begin(now, hasTakenAll ? this.#perMs * FASTER : perMs * ABOVE);
  }

  /**
   * Ends the search: from `now` on, the rate is a tenth above the median of the rates at which
   * packets were taken in the last windows.
   */
  settle(now: number): void {
    const last = this.#taken.slice(-KEPT);
    if (last.length > 0) this.#begin(now, median(last) * ABOVE);
  }

  #begin(now: number, perMs: number): void {
    this.#since = now;
    this.#sent = 0;
    this.#skipped = 0;
    this.#perMs = Math.max(perMs, SLOWEST);
  }
}

/** If the daemon has taken at least this share of the sent packets, it may be able to take more. */
const ALMOST_ALL = 0.95;
const FASTER = 1.4;
const ABOVE = 1.1;
/** The lowest rate, in packets per ms. */
const SLOWEST = 20;
/** How many of the last windows `settle` uses. */
const KEPT = 8;
const LONGEST_DELAY_MS = 4;
/**
 * In packets: as many as one system call sends. With a smaller limit, a full call would never be
 * due at a low rate.
 */
const ONE_CALL = 64;
