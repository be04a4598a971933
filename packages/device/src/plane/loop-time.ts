/**
 * `LoopTime`: how long a packet loop worked, without the time that it slept, and with which
 * priority.
 *
 * @module
 */

/** A copy of what `LoopTime` has. */
export interface LoopStats {
  /** How often the loop woke up. */
  readonly turns: number;
  /** The time of all turns together, in ms. */
  readonly busyMs: number;
  /** The longest turn since the loop began, in ms. */
  readonly longestMs: number;
  /** Whether the thread of the loop has a real-time priority at present. */
  readonly isRealtime: boolean;
}

export class LoopTime {
  /** Set by the loop. */
  isRealtime = false;
  #turns = 0;
  #busyMs = 0;
  #longestMs = 0;

  /** Counts a turn that began and ended at these times, in ms of one clock. */
  add(beganAt: number, endedAt: number): void {
    const ms = endedAt - beganAt;
    this.#turns++;
    this.#busyMs += ms;
    if (ms > this.#longestMs) this.#longestMs = ms;
  }

  toJSON(): LoopStats {
    return {
      turns: this.#turns,
      busyMs: this.#busyMs,
      longestMs: this.#longestMs,
      isRealtime: this.isRealtime,
    };
  }
}
