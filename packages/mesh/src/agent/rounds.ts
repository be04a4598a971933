/**
 * `Rounds`: runs an asynchronous function each time it is requested, but never twice at the same
 * time.
 *
 * @module
 */
export class Rounds {
  readonly #work: () => Promise<void>;
  readonly #onFailure: (error: Error) => void;
  readonly #delayMs: number;
  #timer: NodeJS.Timeout | undefined = undefined;
  #running: Promise<void> | undefined = undefined;
  #isAskedFor = false;
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

  /**
   * Requests a round after `delayMs` milliseconds. A round that is running is followed by another
   * one.
   */
  ask(delayMs: number = this.#delayMs): void {
    if (this.#isClosed) return;
    this.#isAskedFor = true;
    if (this.#running) return;
    this.#timer ??= setTimeout(() => void this.#start(), delayMs);
  }

  /**
   * Waits for the current round, then runs another one. Resolves when it has ended.
   *
   * @throws the error with which the round failed
   */
  async now(): Promise<void> {
    await this.#running?.catch(() => {});
    if (this.#isClosed) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isAskedFor = false;
    await this.#run();
    if (this.#isAskedFor) this.ask();
  }

  /** Starts no more rounds. Resolves when the current round has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#running?.catch(() => {});
  }

  async #start(): Promise<void> {
    this.#timer = undefined;
    this.#isAskedFor = false;
    try {
      await this.#run();
    } catch (error) {
      this.#onFailure(error as Error);
    }
    if (this.#isAskedFor) this.ask();
  }

  #run(): Promise<void> {
    const run = this.#work().finally(() => {
      if (this.#running === run) this.#running = undefined;
    });
    this.#running = run;
    return run;
  }
}
