/**
 * `PacketPressure`: whether packets want more than a small part of the time.
 *
 * @module
 */

export class PacketPressure {
  #isHigh = false;
  #since = -Infinity;
  #seen = 0;

  /** @param packets all that were sent and received until now */
  isHigh(packets: number, now: number): boolean {
    const elapsed = now - this.#since;
    if (elapsed < WINDOW_MS && elapsed >= 0) return this.#isHigh;
    this.#isHigh = (packets - this.#seen) * PACKET_MS > elapsed * SMALL_PART;
    this.#since = now;
    this.#seen = packets;
    return this.#isHigh;
  }
}

const WINDOW_MS = 10;
/** About what a packet takes. */
const PACKET_MS = 0.002;
const SMALL_PART = 0.05;
