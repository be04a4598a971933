/**
 * `Passes`: runs one function on request, never twice at the same time. All requests that arrive
 * while it runs are answered together by the next pass.
 *
 * @module
 */
export interface PassesOptions<T> {
  /**
   * @param isRequested whether a caller of `request` waits for the result; else `notify` caused the
   *   pass
   */
  readonly work: (isRequested: boolean) => Promise<T>;
  /** Gets the error of a pass that no caller waited for. */
  readonly onFailure: (error: unknown) => void;
}

interface Waiting<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

export class Passes<T> {
  readonly #options: PassesOptions<T>;
  #waiting: Waiting<T>[] = [];
  #isNotified = false;
  #isRunning = false;
  #isClosed = false;

  constructor(options: PassesOptions<T>) {
    this.#options = options;
  }

  /**
   * Requests a pass. Resolves with its result; the pass begins after this call.
   *
   * @throws the error of that pass, or the reason given to `close`
   */
  async request(): Promise<T> {
    const result = new Promise<T>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
    void this.#run();
    return result;
  }

  /** Requests a pass whose result no caller waits for. */
  notify(): void {
    this.#isNotified = true;
    void this.#run();
  }

  /** Starts no more passes, and rejects the requests that wait with `reason`. */
  close(reason: Error): void {
    this.#isClosed = true;
    for (const { reject } of this.#waiting.splice(0)) reject(reason);
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      while (!this.#isClosed && (this.#waiting.length > 0 || this.#isNotified)) {
        const waiting = this.#waiting.splice(0);
        this.#isNotified = false;
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
