/**
 * `Turns`: runs one function again and again, never twice at a time. All requests that arrive while it runs
 * are answered together by the next run.
 *
 * @module
 */
export interface TurnsOptions<T> {
  /** @param isAsked whether a caller of `ask` waits for the result; else `hear` caused the turn */
  readonly work: (isAsked: boolean) => Promise<T>;
  /** Gets the error of a turn that no caller waited for. */
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
   * Requests a turn. Resolves with its result; the turn begins after this call.
   *
   * @throws the error of that turn, or the reason given to `close`
   */
  async ask(): Promise<T> {
    const asked = new Promise<T>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
    void this.#run();
    return asked;
  }

  /** Requests a turn whose result no caller waits for. */
  hear(): void {
    this.#hasHeard = true;
    void this.#run();
  }

  /** Starts no more turns, and rejects the requests that wait with `reason`. */
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
