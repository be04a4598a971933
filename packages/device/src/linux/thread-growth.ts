/**
 * `ThreadGrowth`: decides when other threads should help the packet loop. A thread begins to help
 * when the loop almost never sleeps and a part of a core is idle. The threads rest if a trial shows
 * that the loop gains too little speed from them, or when the load is over. Pure: no clock, no I/O.
 *
 * @module
 */

/**
 * What to do: nothing, let the resting threads help again, start one more, or let all of them rest.
 */
export type GrowthStep = 'none' | 'resume' | 'start' | 'rest';

export interface ThreadGrowthOptions {
  /** The largest number of threads, including the thread of the packet loop. */
  readonly most: number;
  /** Returns how many cores were idle on average since the last call, for instance 1.5. */
  readonly idleCores: () => number;
}

export class ThreadGrowth {
  readonly #options: ThreadGrowthOptions;
  /**
   * How many threads were started, and how many are used; both include the thread of the packet
   * loop.
   */
  #started = 1;
  #used = 1;
  readonly #window = new Span();
  #busyMs = 0;
  /**
   * The span in which the idle time of the cores is measured, and how many windows this span has.
   * Each of these windows had load.
   */
  readonly #measured = new Span();
  #measuredWindows = 0;
  /** Bytes per ms: before the last growth, and when the packet loop last worked alone. */
  #before = 0;
  #alone = 0;
  /**
   * How many windows have passed since the last growth. The growth is judged by what the loop
   * carries in the last few of them.
   */
  #age = 0;
  readonly #trial = new Span();
  #calmMs = 0;
  #restUntil = -Infinity;
  #restMs = FIRST_REST_MS;

  constructor(options: ThreadGrowthOptions) {
    this.#options = options;
  }

  /**
   * Must be called after each turn of the packet loop.
   *
   * @param beganAt when the loop woke up, in ms
   * @param endedAt when the turn was over
   * @param bytes how many were carried in both directions since the start
   */
  observe(beganAt: number, endedAt: number, bytes: number): GrowthStep {
    this.#busyMs += endedAt - beganAt;
    const elapsed = this.#window.lengthAt(endedAt);
    if (elapsed < WINDOW_MS) return 'none';
    const perMs = this.#window.perMs(endedAt, bytes);
    const isLoaded =
      elapsed < 2 * WINDOW_MS && this.#busyMs >= elapsed * MOSTLY && perMs >= LEAST_PER_MS;
    this.#window.begin(endedAt, bytes);
    this.#busyMs = 0;
    if (this.#used === 1) return this.#whileAlone(endedAt, bytes, isLoaded);
    // Perhaps the loop sleeps only because other threads help. It can do without them only if it
    // carries less than it did alone.
    const isCalm = !isLoaded && perMs < this.#alone * NEARLY;
    this.#calmMs = isCalm ? this.#calmMs + elapsed : 0;
    return this.#calmMs >= CALM_MS ? this.#rest() : this.#whileUsed(endedAt, bytes, isLoaded);
  }

  #whileAlone(now: number, bytes: number, isLoaded: boolean): GrowthStep {
    if (isLoaded && now >= this.#restUntil) return this.#growIfIdle(now, bytes);
    this.#measuredWindows = 0;
    return 'none';
  }

  #whileUsed(now: number, bytes: number, isLoaded: boolean): GrowthStep {
    this.#age++;
    if (this.#age === SETTLED_AFTER) this.#trial.begin(now, bytes);
    if (this.#age < JUDGED_AFTER) return 'none';
    const isJudged = this.#age === JUDGED_AFTER && isLoaded;
    if (isJudged && this.#trial.perMs(now, bytes) < this.#before * GAIN) {
      this.#restUntil = now + this.#restMs;
      this.#restMs = Math.min(this.#restMs * 2, LONGEST_REST_MS);
      return this.#rest();
    }
    this.#restMs = FIRST_REST_MS;
    if (isLoaded && this.#used < this.#options.most) return this.#growIfIdle(now, bytes);
    this.#measuredWindows = 0;
    return 'none';
  }

  /**
   * Must be called after each window with load. Grows if at least `IDLE_CORES` cores were idle on
   * average.
   */
  #growIfIdle(now: number, bytes: number): GrowthStep {
    this.#measuredWindows++;
    if (this.#measuredWindows > 1 && this.#measuredWindows <= IDLE_WINDOWS) return 'none';
    const idle = this.#options.idleCores();
    if (this.#measuredWindows > IDLE_WINDOWS && idle >= IDLE_CORES) {
      return this.#grow(this.#measured.perMs(now, bytes));
    }
    this.#measured.begin(now, bytes);
    this.#measuredWindows = 1;
    return 'none';
  }

  #grow(perMs: number): GrowthStep {
    this.#before = perMs;
    this.#age = 0;
    this.#calmMs = 0;
    this.#measuredWindows = 0;
    if (this.#used === 1) this.#alone = perMs;
    if (this.#used < this.#started) {
      this.#used = this.#started;
      return 'resume';
    }
    this.#used = ++this.#started;
    return 'start';
  }

  #rest(): GrowthStep {
    this.#used = 1;
    this.#measuredWindows = 0;
    return 'rest';
  }
}

/**
 * A span of time that has begun: its length, and the bytes per ms that were carried in it.
 */
class Span {
  #beganAt = 0;
  #bytes = 0;

  begin(now: number, bytes: number): void {
    this.#beganAt = now;
    this.#bytes = bytes;
  }

  lengthAt(now: number): number {
    return now - this.#beganAt;
  }

  perMs(now: number, bytes: number): number {
    return (bytes - this.#bytes) / (now - this.#beganAt);
  }
}

const WINDOW_MS = 100;
/** A packet loop has load if it works for at least this share of the time. */
const MOSTLY = 0.85;
/** In bytes: 40 Mbit/s. If the loop carries less, something other than packets keeps it busy. */
const LEAST_PER_MS = 5000;
/** The idle time is measured over several windows, because the kernel counts it in 10 ms units. */
const IDLE_WINDOWS = 3;
/**
 * At least this part of a core must be idle before a thread is tried. The trial shows how much
 * faster the loop becomes. So this limit need only exclude machines on which no thread can make the
 * loop faster: there, a trial would only cost time.
 */
const IDLE_CORES = 0.3;
/** A new thread needs this many windows to start and to compile its code. */
const SETTLED_AFTER = 5;
/** A growth is judged this number of windows after it. */
const JUDGED_AFTER = 8;
/**
 * The least gain: bytes per ms after a growth, divided by the bytes per ms before. A thread with a
 * smaller gain is not worth its processor time.
 */
const GAIN = 1.1;
/**
 * The other threads rest when the loop carries less than this share of what it carried without
 * them.
 */
const NEARLY = 0.9;
/** Time without load after which the threads rest, in ms. */
const CALM_MS = 1000;
const FIRST_REST_MS = 10_000;
const LONGEST_REST_MS = 300_000;
