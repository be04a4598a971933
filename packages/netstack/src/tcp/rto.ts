/**
 * `RtoEstimator`: the retransmission timeout (RFC 6298), and the shortest round trip.
 *
 * @module
 */

export class RtoEstimator {
  /** The smoothed round trip in ms; 0: not measured yet. */
  smoothed: number = 0;
  /** The mean deviation of the round trip in ms. */
  variation: number = 0;
  /** The timeout in ms, without back-off. RFC 6298 2.1: one second at first. */
  base: number = INITIAL_RTO_MS;
  /** How many times the timer has fired in a row (RFC 6298 5.5). */
  backoff: number = 0;
  /** The shortest round trip of the last minutes in ms (RFC 8985 6.2); Infinity: none. */
  least: number = Infinity;
  #leastAt = -Infinity;

  /** The timeout in ms with its back-off. */
  get timeout(): number {
    return Math.min(MAX_RTO_MS, this.base * 2 ** Math.min(this.backoff, MOST_DOUBLINGS));
  }

  /**
   * Takes a measured round trip in ms. If a segment was sent more than once, its round trip can be
   * measured only by timestamps (Karn's algorithm, RFC 6298 3).
   */
  sample(roundTrip: number, now: number): void {
    if (roundTrip < this.least || now - this.#leastAt > LEAST_WINDOW_MS) {
      this.least = roundTrip;
      this.#leastAt = now;
    }
    if (this.smoothed === 0) {
      // RFC 6298 2.2. A round trip of zero is too short for the clock.
      this.smoothed = Math.max(roundTrip, SMALLEST_MS);
      this.variation = roundTrip / 2;
    } else {
      // RFC 6298 2.3.
      this.variation += (Math.abs(this.smoothed - roundTrip) - this.variation) / 4;
      this.smoothed += (roundTrip - this.smoothed) / 8;
      this.smoothed = Math.max(this.smoothed, SMALLEST_MS);
    }
    const deviation = Math.max(4 * this.variation, MIN_RTO_MS);
    this.base = Math.min(MAX_RTO_MS, this.smoothed + deviation);
    this.backoff = 0;
  }

  /**
   * Must be called if the SYN was lost. RFC 6298 5.7: the timeout is then three seconds when data
   * begins, unless a round trip was measured.
   */
  afterLostSyn(): void {
    if (this.smoothed === 0) this.base = RTO_AFTER_LOST_SYN_MS;
  }
}

const INITIAL_RTO_MS = 1000;
const RTO_AFTER_LOST_SYN_MS = 3000;
/**
 * RFC 6298 2.4 says one second. As in Linux (TCP_RTO_MIN), the timeout is at least 200 ms longer
 * than the smoothed round trip: more than a delayed acknowledgement takes.
 */
const MIN_RTO_MS = 200;
/** RFC 6298 2.5: a limit must be 60 seconds or more. */
const MAX_RTO_MS = 60_000;
const MOST_DOUBLINGS = 16;
const SMALLEST_MS = 0.001;
/** The value of tcp_min_rtt_wlen of Linux. */
const LEAST_WINDOW_MS = 300_000;
