/**
 * `RoundSchedule`: runs an asynchronous function each time it is requested, but never twice at the same
 * time.
 *
 * @module
 */
export class RoundSchedule {
  readonly #work: () => Promise<void>;
  readonly #onFailure: (error: Error) => void;
  readonly #delayMs: number;
  #timer: NodeJS.Timeout | undefined = undefined;
  /** When the timer is over. */
  #dueAt = Infinity;
  #running: Promise<void> | undefined = undefined;
  /** What was asked for during a round, and how soon behind it; undefined: nothing. */
  #requestedMs: number | undefined = undefined;
  #isClosed = false;

  /** @param options.delayMs requests within this time share one round */
  constructor(
    work: () => Promise<void>,
    options: { readonly delayMs: number; readonly onFailure: (error: Error) => void },
  ) {
    this.#work = work;
    this.#delayMs = options.delayMs;
    this.#onFailure = options.onFailure;
  }

  /** One more, soon: the earliest of those that were asked for counts. */
  request(delayMs: number = this.#delayMs): void {
    if (this.#isClosed) return;
    if (this.#running) {
      this.#requestedMs = Math.min(this.#requestedMs ?? Infinity, delayMs);
      return;
    }
    const dueAt = performance.now() + delayMs;
    if (dueAt >= this.#dueAt) return;
    clearTimeout(this.#timer);
    this.#dueAt = dueAt;
    this.#timer = setTimeout(() => void this.#start(), delayMs);
  }

  /**
   * Waits for the current round, then runs another one. Resolves when it has ended.
   *
   * @throws the error with which the round failed
   */
  async runNow(): Promise<void> {
    // Several may have waited for the same one.
    while (this.#running) await this.#running.catch(() => {});
    if (this.#isClosed) return;
    try {
      await this.#run();
    } finally {
      if (this.#requestedMs !== undefined) this.request(this.#requestedMs);
    }
  }

  /** Starts no more rounds. Resolves when the current round has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#running?.catch(() => {});
  }

  async #start(): Promise<void> {
    try {
      await this.#run();
    } catch (error) {
      this.#onFailure(error as Error);
    }
    if (this.#requestedMs !== undefined) this.request(this.#requestedMs);
  }

  #run(): Promise<void> {
    clearTimeout(this.#timer);
    this.#dueAt = Infinity;
    this.#requestedMs = undefined;
    const run = this.#work().finally(() => {
      if (this.#running === run) this.#running = undefined;
    });
    this.#running = run;
    return run;
  }
}
