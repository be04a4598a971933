/**
 * `SlowStart`: HyStart++ (RFC 9406). It ends the first slow start of a connection when the round
 * trip grows, before the queue of the path is full and many segments are lost at once.
 *
 * A round is the time until the data that was sent at its beginning is acknowledged. If the
 * shortest round trip of a round is clearly longer than in the round before, the window grows
 * slowly for five rounds (conservative slow start). If the round trip stays long, slow start is
 * over.
 *
 * The limit of 8 segments for an acknowledgement (RFC 9406 4.3) is left out, as in Linux: an
 * acknowledgement of a super-packet stands for many segments.
 *
 * @module
 */
import { isBefore } from '../wire/sequence.ts';
import type { CongestionControl } from './congestion.ts';

export class SlowStart {
  #roundEnd = 0;
  #least = Infinity;
  #leastBefore = Infinity;
  #samples = 0;
  /** The shortest round trip when conservative slow start began; Infinity: it has not. */
  #baseline = Infinity;
  #rounds = 0;
  #hasRound = false;

  /** Takes a measured round trip, in ms. */
  sample(roundTrip: number): void {
    this.#least = Math.min(this.#least, roundTrip);
    this.#samples++;
  }

  /**
   * Must be called when data was acknowledged in slow start. May set the threshold of `congestion`.
   *
   * @param bytes how many bytes were acknowledged
   * @param unacknowledged SND.UNA
   * @param next SND.NXT
   * @returns by how many bytes the window may grow
   */
  // oxlint-disable-next-line max-params -- an object would be allocated for each segment
  growth(
    congestion: CongestionControl,
    bytes: number,
    unacknowledged: number,
    next: number,
  ): number {
    if (!this.#hasRound) this.#beginRound(next);
    const isEnough = this.#samples >= LEAST_SAMPLES && this.#leastBefore !== Infinity;
    if (this.#baseline === Infinity) {
      const more = Math.min(MOST_MS, Math.max(LEAST_MS, this.#leastBefore / 8));
      if (isEnough && this.#least >= this.#leastBefore + more) {
        this.#baseline = this.#least;
        this.#rounds = 0;
      }
    } else if (isEnough && this.#least < this.#baseline) this.#baseline = Infinity;
    const growth = this.#baseline === Infinity ? bytes : bytes / 4;
    if (!isBefore(unacknowledged, this.#roundEnd)) {
      if (this.#baseline !== Infinity && ++this.#rounds >= CONSERVATIVE_ROUNDS) {
        congestion.threshold = congestion.window;
      }
      this.#beginRound(next);
    }
    return growth;
  }

  #beginRound(next: number): void {
    this.#hasRound = true;
    this.#roundEnd = next;
    this.#leastBefore = this.#least;
    this.#least = Infinity;
    this.#samples = 0;
  }
}

/** RFC 9406 4.3: N_RTT_SAMPLE, MIN_RTT_THRESH, MAX_RTT_THRESH, CSS_ROUNDS. */
const LEAST_SAMPLES = 8;
const LEAST_MS = 4;
const MOST_MS = 16;
const CONSERVATIVE_ROUNDS = 5;
