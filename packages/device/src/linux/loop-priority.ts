/**
 * `LoopPriority`: gives the thread of a packet loop a real-time priority where this helps packets
 * and does little harm to other programs.
 *
 * With a real-time priority, the loop runs as soon as there is a packet. With the normal priority,
 * packets wait while the loop waits for a processor. The kernel treats its own work with packets in
 * the same way: a softirq interrupts programs, and if there is too much work for it, a thread with
 * normal priority does the rest (ksoftirqd). So the loop has the normal priority for a while in two
 * cases:
 *
 * - It almost never sleeps. It would keep its processor from all other programs, for instance in a
 *   flood.
 * - It wakes up too often. Each time, it interrupts the program that makes or takes the packets.
 *   With the normal priority, several packets gather before it runs.
 *
 * @module
 */

export class LoopPriority {
  readonly #setRealtime: (isRealtime: boolean) => boolean;
  #isRealtime = false;
  /** When the loop got the real-time priority last. */
  #realtimeAt = 0;
  #due = -Infinity;
  #restMs = REST_MS;
  /** When the present window began; how often, and how long in ms, the loop worked in it. */
  #windowAt = 0;
  #turns = 0;
  #busyMs = 0;

  /** @param setRealtime changes the priority of the calling thread; false: the system refused it */
  constructor(setRealtime: (isRealtime: boolean) => boolean) {
    this.#setRealtime = setRealtime;
  }

  /** Whether the thread has the real-time priority at present. */
  get isRealtime(): boolean {
    return this.#isRealtime;
  }

  /** When `observe` should be called at the latest, in ms; Infinity: there is no need. */
  get due(): number {
    return this.#due;
  }

  /**
   * Must be called after each turn of the packet loop. The first call sets the real-time priority.
   * If the system refuses it, the priority stays normal.
   *
   * @param beganAt when the loop woke up, in ms
   * @param endedAt when the turn was over
   */
  observe(beganAt: number, endedAt: number): void {
    if (!this.#isRealtime) {
      if (endedAt >= this.#due) this.#begin(endedAt);
      return;
    }
    this.#turns++;
    this.#busyMs += endedAt - beganAt;
    const elapsed = endedAt - this.#windowAt;
    if (elapsed < WINDOW_MS) return;
    if (this.#turns >= elapsed * MOST_TURNS_PER_MS) this.#rest(endedAt, this.#longerRest(endedAt));
    else if (this.#busyMs >= elapsed * MOSTLY) this.#rest(endedAt, REST_MS);
    else this.#beginWindow(endedAt);
  }

  #begin(now: number): void {
    this.#isRealtime = this.#setRealtime(true);
    this.#realtimeAt = now;
    this.#due = Infinity;
    this.#beginWindow(now);
  }

  #beginWindow(now: number): void {
    this.#windowAt = now;
    this.#turns = 0;
    this.#busyMs = 0;
  }

  #rest(now: number, ms: number): void {
    this.#setRealtime(false);
    this.#isRealtime = false;
    this.#due = now + ms;
  }

  /** The time is longer each time, if the loop woke up too often soon after the last rest too. */
  #longerRest(now: number): number {
    const isSteady = now - this.#realtimeAt >= STEADY_MS;
    this.#restMs = isSteady ? REST_MS : Math.min(this.#restMs * 2, LONGEST_REST_MS);
    return this.#restMs;
  }
}

/** In ms. The load is judged once per window, and a window has at least this length. */
const WINDOW_MS = 100;
/**
 * A loop that works for at least this share of a window almost never sleeps. With TCP at full rate
 * on two cores that both ends share, a loop with real-time priority works for 60 to 90 % of a
 * window.
 */
const MOSTLY = 0.98;
/** With TCP at full rate, a loop wakes up 3 to 5 times per ms. With single packets, 40 times. */
const MOST_TURNS_PER_MS = 12;
/** In ms: how long the priority is normal. */
const REST_MS = 200;
const LONGEST_REST_MS = 4000;
/** The next rest is short again if the loop had the real-time priority for this time, in ms. */
const STEADY_MS = 1000;
