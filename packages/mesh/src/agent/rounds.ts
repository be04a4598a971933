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
  #running: Promise<void> | undefined = undefined;
  #isAskedFor = false;
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

  /** One more, soon. */
  ask(delayMs: number = this.#delayMs): void {
    if (this.#isClosed) return;
    this.#isAskedFor = true;
    if (this.#running) return;
    this.#timer ??= setTimeout(() => void this.#start(), delayMs);
  }

  /**
   * One more at once. Resolves when one that began after this call is over.
   *
   * @throws what it failed with
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

  /** Begins no more. Resolves when the last one is over. */
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
