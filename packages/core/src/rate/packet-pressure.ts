/**
 * `PacketPressure`: estimates whether packets need more than a small part of the CPU time.
 *
 * @module
 */

export class PacketPressure {
  #isHigh = false;
  #since = -Infinity;
  #seen = 0;

  /**
   * Returns an estimate: whether packets took more than 5 % of the CPU time in the last window. A
   * window is 10 ms or longer.
   *
   * @param packets the number of packets sent and received since the start
   */
  isHigh(packets: number, now: number): boolean {
    const elapsed = now - this.#since;
    if (elapsed < WINDOW_MS && elapsed >= 0) return this.#isHigh;
    this.#isHigh = (packets - this.#seen) * PACKET_MS > elapsed * SMALL_PART;
    this.#since = now;
    this.#seen = packets;
    return this.#isHigh;
  }
}

/** The shortest time between two estimates, in milliseconds. */
const WINDOW_MS = 10;
/** Approximate CPU time of one packet, in milliseconds. */
const PACKET_MS = 0.002;
/** The part of the CPU time that counts as small. */
const SMALL_PART = 0.05;
