/**
 * `Turns`: does one piece of work at a time. Who asks meanwhile is done afterwards, all at once.
 *
 * @module
 */
export interface TurnsOptions<T> {
  /** @param isAsked somebody waits for it; else something was heard */
  readonly work: (isAsked: boolean) => Promise<T>;
  /** Nobody waited for what has failed. */
  readonly onFailure: (error: unknown) => void;
}

interface Waiting<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

export class Turns<T> {
  readonly #options: TurnsOptions<T>;
  #waiting: Waiting<T>[] = [];
  #hasHeard = false;
  #isRunning = false;
  #isClosed = false;

  constructor(options: TurnsOptions<T>) {
    this.#options = options;
  }

  /**
   * Resolves when a turn that began after this call is over.
   *
   * @throws what it failed with
   */
  async ask(): Promise<T> {
    const asked = new Promise<T>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
    void this.#run();
    return asked;
  }

  /** There is something to do, and nobody waits for it. */
  hear(): void {
    this.#hasHeard = true;
    void this.#run();
  }

  /** Begins none any more. */
  close(reason: Error): void {
    this.#isClosed = true;
    for (const { reject } of this.#waiting.splice(0)) reject(reason);
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      while (!this.#isClosed && (this.#waiting.length > 0 || this.#hasHeard)) {
        const waiting = this.#waiting.splice(0);
        this.#hasHeard = false;
        try {
          const value = await this.#options.work(waiting.length > 0);
          for (const { resolve } of waiting) resolve(value);
        } catch (error) {
          for (const { reject } of waiting) reject(error);
          if (waiting.length === 0) this.#options.onFailure(error);
        }
      }
    } finally {
      this.#isRunning = false;
    }
  }
}
