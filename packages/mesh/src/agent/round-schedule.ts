/**
 * `RoundSchedule`: runs an asynchronous function (a round) on request. Requests that come shortly
 * after each other share one round. Two rounds never run at the same time.
 *
 * @module
 */
export class RoundSchedule {
  readonly #work: () => Promise<void>;
  readonly #onFailure: (error: Error) => void;
  readonly #delayMs: number;
  #timer: NodeJS.Timeout | undefined = undefined;
  /** When the timer ends, in milliseconds of `performance.now()`. Infinity: no timer runs. */
  #dueAt = Infinity;
  #running: Promise<void> | undefined = undefined;
  /**
   * In milliseconds. How long to wait between the end of the current round and the next round.
   * Undefined: no round was requested during the current round.
   */
  #requestedMs: number | undefined = undefined;
  #isClosed = false;

  /**
   * @param work runs one round
   * @param options.delayMs in milliseconds; requests within this time share one round
   * @param options.onFailure called with the error of a round that no caller waits for
   */
  constructor(
    work: () => Promise<void>,
    options: { readonly delayMs: number; readonly onFailure: (error: Error) => void },
  ) {
    this.#work = work;
    this.#delayMs = options.delayMs;
    this.#onFailure = options.onFailure;
  }

  /**
   * Requests a round. If there are several requests, the earliest time counts.
   *
   * @param delayMs how long to wait before the round, in milliseconds; default: `options.delayMs`
   */
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
   * Waits for the current round, then runs a new round. Resolves when the new round has ended.
   *
   * @throws the error with which the round failed
   */
  async runNow(): Promise<void> {
    // Another caller that waited for the same round may have started the next one.
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
