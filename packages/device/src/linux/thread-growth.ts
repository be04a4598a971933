/**
 * `ThreadGrowth`: decides when other threads should help the packet loop. They help only while the
 * loop cannot keep up with the interface, a core is idle, and a measurement has shown that they
 * make it faster. Pure: no clock, no I/O.
 *
 * @module
 */

/** What to do: nothing, let the other threads help, start one more, or let them rest. */
export type GrowthStep = 'none' | 'resume' | 'start' | 'rest';

export interface ThreadGrowthOptions {
  /** The largest number of threads, including that of the packet loop. */
  readonly most: number;
  /** Returns how many cores were idle since the last call, for instance 1.5. */
  readonly idleCores: () => number;
}

export class ThreadGrowth {
  readonly #options: ThreadGrowthOptions;
  /** How many threads were started, and how many are used; both include that of the packet loop. */
  #started = 1;
  #used = 1;
  #windowEnd = -Infinity;
  #windowStart = 0;
  #packets = 0;
  #turns = 0;
  #fullTurns = 0;
  /** Packets per ms in the window before the last growth. */
  #before = 0;
  /** Windows since the last growth. */
  #age = 0;
  #calmWindows = 0;
  #restUntil = -Infinity;
  #restMs = FIRST_REST_MS;
  #measuresIdle = false;

  constructor(options: ThreadGrowthOptions) {
    this.#options = options;
  }

  /**
   * Must be called after each read of the interface.
   *
   * @param now in ms
   * @param packets how many were read since the start
   * @param isFull whether the interface had more packets than one read takes
   */
  observe(now: number, packets: number, isFull: boolean): GrowthStep {
    this.#turns++;
    if (isFull) this.#fullTurns++;
    if (now < this.#windowEnd) return 'none';
    const elapsed = now - this.#windowStart;
    const perMs = (packets - this.#packets) / elapsed;
    const isLoaded =
      elapsed < 2 * WINDOW_MS &&
      this.#turns >= FEWEST_TURNS &&
      this.#fullTurns >= this.#turns * MOSTLY;
    this.#windowStart = now;
    this.#windowEnd = now + WINDOW_MS;
    this.#packets = packets;
    this.#turns = 0;
    this.#fullTurns = 0;
    return this.#used > 1
      ? this.#whileUsed(now, perMs, isLoaded)
      : this.#whileAlone(now, perMs, isLoaded);
  }

  #whileAlone(now: number, perMs: number, isLoaded: boolean): GrowthStep {
    if (!isLoaded || now < this.#restUntil) {
      this.#measuresIdle = false;
      return 'none';
    }
    return this.#growIfIdle(perMs);
  }

  #whileUsed(now: number, perMs: number, isLoaded: boolean): GrowthStep {
    this.#calmWindows = isLoaded ? 0 : this.#calmWindows + 1;
    if (this.#calmWindows >= CALM_WINDOWS) return this.#rest();
    this.#age++;
    if (this.#age < JUDGED_AFTER || !isLoaded) return 'none';
    if (this.#age === JUDGED_AFTER && perMs < this.#before * GAIN) {
      this.#restUntil = now + this.#restMs;
      this.#restMs = Math.min(this.#restMs * 2, LONGEST_REST_MS);
      return this.#rest();
    }
    this.#restMs = FIRST_REST_MS;
    return this.#used < this.#options.most ? this.#growIfIdle(perMs) : 'none';
  }

  /** Grows by a thread if a core was idle in the whole last window. */
  #growIfIdle(perMs: number): GrowthStep {
    const idle = this.#options.idleCores();
    const isIdle = this.#measuresIdle && idle >= IDLE_CORES;
    this.#measuresIdle = !isIdle;
    if (!isIdle) return 'none';
    this.#before = perMs;
    this.#age = 0;
    this.#calmWindows = 0;
    if (this.#used === 1 && this.#started > 1) {
      this.#used = this.#started;
      return 'resume';
    }
    this.#used = ++this.#started;
    return 'start';
  }

  #rest(): GrowthStep {
    this.#used = 1;
    this.#measuresIdle = false;
    return 'rest';
  }
}

const WINDOW_MS = 100;
/** In a window with fewer reads, the packet loop is not the limit. */
const FEWEST_TURNS = 20;
/** The share of reads that leave something in the interface while it is loaded. */
const MOSTLY = 0.8;
const IDLE_CORES = 0.6;
/** A thread is judged after this many windows: it needs the first ones to start. */
const JUDGED_AFTER = 5;
/**
 * The least ratio of the throughputs with and without the last thread. A thread that brings less is
 * not worth its processor time.
 */
const GAIN = 1.1;
/** Windows without load after which the threads rest. */
const CALM_WINDOWS = 10;
const FIRST_REST_MS = 10_000;
const LONGEST_REST_MS = 300_000;
