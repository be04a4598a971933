/**
 * `Cubic`: the congestion control CUBIC (RFC 9438).
 *
 * ```
 *  W_cubic(t) = C (t - K)^3 + W_max         t in seconds since the epoch began, windows in segments
 * ```
 *
 * @module
 */
import { initialWindow, type CongestionControl } from './congestion.ts';

export class Cubic implements CongestionControl {
  window: number;
  threshold: number = Infinity;
  segmentSize: number;
  /** W_max in segments: the window before the last reduction, or less after fast convergence. */
  #most = 0;
  /** When congestion avoidance began, in ms; -1: it has not begun. */
  #epoch = -1;
  /** K in seconds: how long after the beginning of the epoch the curve reaches `#most`. */
  #k = 0;
  /** W_est, in segments: the window that Reno would have. */
  #reno = 0;
  /**
   * The window in segments before the last reduction. While W_est is smaller than this window,
   * W_est grows more slowly.
   */
  #before = 0;

  /** @param segmentSize SMSS in bytes */
  constructor(segmentSize: number) {
    this.segmentSize = segmentSize;
    this.window = initialWindow(segmentSize);
  }

  onAcknowledged(bytes: number, now: number, roundTrip: number): void {
    let rest = bytes;
    if (this.window < this.threshold) {
      const growth = Math.min(rest, this.threshold - this.window);
      this.window += growth;
      rest -= growth;
    }
    if (rest > 0) this.#avoidCongestion(rest / this.segmentSize, now, roundTrip);
  }

  onCongestion(inFlight: number): void {
    const current = this.window / this.segmentSize;
    // RFC 9438 4.7, fast convergence: a flow that shrinks leaves more of the path to others.
    this.#most = current < this.#most ? (current * (1 + BETA)) / 2 : current;
    this.#before = current;
    // RFC 9438 4.6: the multiplicative decrease.
    this.threshold = Math.max(inFlight * BETA, 2 * this.segmentSize);
    this.#epoch = -1;
  }

  onTimeout(inFlight: number): void {
    this.onCongestion(inFlight);
    this.window = this.segmentSize;
  }

  onIdle(): void {
    this.window = Math.min(this.window, initialWindow(this.segmentSize));
    // RFC 9438 5.8: the time without data does not count.
    this.#epoch = -1;
  }

  /** @param segments how many were acknowledged */
  #avoidCongestion(segments: number, now: number, roundTrip: number): void {
    const current = this.window / this.segmentSize;
    if (this.#epoch === -1) this.#beginEpoch(current, now);
    const seconds = (now - this.#epoch) / 1000;
    // RFC 9438 4.3: W_est grows as Reno would, with a factor for the smaller reduction.
    const alpha = this.#reno < this.#before ? ALPHA : 1;
    this.#reno += alpha * (segments / current);
    const now3 = (seconds - this.#k) ** 3;
    if (C * now3 + this.#most < this.#reno) {
      this.window = Math.max(this.window, this.#reno * this.segmentSize);
      return;
    }
    // RFC 9438 4.4, 4.5: the target is where the curve is after one round trip, within bounds.
    const curve = C * (seconds + roundTrip / 1000 - this.#k) ** 3 + this.#most;
    const target = Math.min(Math.max(curve, current), 1.5 * current);
    this.window += ((target - current) / current) * segments * this.segmentSize;
  }

  #beginEpoch(current: number, now: number): void {
    this.#epoch = now;
    this.#most = Math.max(this.#most, current);
    this.#k = Math.cbrt((this.#most - current) / C);
    this.#reno = current;
  }
}

/** The factor of a reduction (RFC 9438 4.6). */
const BETA = 0.7;
/** How steep the curve is (RFC 9438 5.1). */
const C = 0.4;
/** By how many segments W_est grows in a round trip (RFC 9438 4.3). */
const ALPHA = (3 * (1 - BETA)) / (1 + BETA);
