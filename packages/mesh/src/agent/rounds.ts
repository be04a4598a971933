/**
 * `Rounds`: runs one piece of work again and again, when it is asked for, never twice at once.
 *
 * @module
 */
export class Rounds {
  readonly #work: () => Promise<void>;
  readonly #onFailure: (error: Error) => void;
  readonly #delayMs: number;
  #timer: NodeJS.Timeout | undefined = undefined;
  /** When the timer is over. */
  #dueAt = Infinity;
  #running: Promise<void> | undefined = undefined;
  /** What was asked for during a round, and how soon behind it; undefined: nothing. */
  #askedMs: number | undefined = undefined;
  #isClosed = false;

  /** @param delayMs what is asked for within so long is one round */
  constructor(
    work: () => Promise<void>,
    options: { readonly delayMs: number; readonly onFailure: (error: Error) => void },
  ) {
    this.#work = work;
    this.#delayMs = options.delayMs;
    this.#onFailure = options.onFailure;
  }

  /** One more, soon: the earliest of those that were asked for counts. */
  ask(delayMs: number = this.#delayMs): void {
    if (this.#isClosed) return;
    if (this.#running) {
      this.#askedMs = Math.min(this.#askedMs ?? Infinity, delayMs);
      return;
    }
    const dueAt = performance.now() + delayMs;
    if (dueAt >= this.#dueAt) return;
    clearTimeout(this.#timer);
    this.#dueAt = dueAt;
    this.#timer = setTimeout(() => void this.#start(), delayMs);
  }

  /**
   * One more at once. Resolves when one that began after this call is over.
   *
   * @throws what it failed with
   */
  async now(): Promise<void> {
    // Several may have waited for the same one.
    while (this.#running) await this.#running.catch(() => {});
    if (this.#isClosed) return;
    try {
      await this.#run();
    } finally {
      if (this.#askedMs !== undefined) this.ask(this.#askedMs);
    }
  }

  /** Begins no more. Resolves when the last one is over. */
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
    if (this.#askedMs !== undefined) this.ask(this.#askedMs);
  }

  #run(): Promise<void> {
    clearTimeout(this.#timer);
    this.#dueAt = Infinity;
    this.#askedMs = undefined;
    const run = this.#work().finally(() => {
      if (this.#running === run) this.#running = undefined;
    });
    this.#running = run;
    return run;
  }
}
