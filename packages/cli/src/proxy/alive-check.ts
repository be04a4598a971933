/**
 * `AliveCheck`: pings addresses inside the tunnel, for /readyz. The field `CheckAlive` of a
 * wireproxy file has these addresses.
 *
 * @module
 */

/** What a check needs. */
export interface AliveCheckOptions {
  /** The addresses. If there are none, `isAlive` is true. */
  readonly addresses: readonly string[];
  readonly intervalMs: number;
  /** Resolves when the address has answered, and rejects if it has not. */
  readonly ping: (address: string, options: { timeout: number }) => Promise<unknown>;
  /** Unix milliseconds. */
  readonly now?: () => number;
}

/** Pings all addresses at an interval, until it is closed. */
export class AliveCheck {
  readonly #options: AliveCheckOptions;
  readonly #now: () => number;
  /** Unix milliseconds of the last answer; 0: none. */
  readonly #answeredAt: Map<string, number>;
  readonly #timer: NodeJS.Timeout | undefined;

  constructor(options: AliveCheckOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#answeredAt = new Map(options.addresses.map((address) => [address, 0]));
    if (options.addresses.length === 0) return;
    this.#timer = setInterval(() => this.#pingAll(), options.intervalMs);
    this.#pingAll();
  }

  /**
   * Whether each address has answered within the last interval plus two seconds, as in wireproxy.
   */
  get isAlive(): boolean {
    const since = this.#now() - this.#options.intervalMs - GRACE_MS;
    return [...this.#answeredAt.values()].every((at) => at >= since);
  }

  /** Returns the times of the last answers, in Unix seconds, as JSON: `{"10.0.0.1":1712796899}`. */
  toText(): string {
    const entries = [...this.#answeredAt].map(([address, at]) => [address, Math.floor(at / 1000)]);
    return JSON.stringify(Object.fromEntries(entries));
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #pingAll(): void {
    const { addresses, ping, intervalMs } = this.#options;
    for (const address of addresses) {
      ping(address, { timeout: intervalMs }).then(
        () => this.#answeredAt.set(address, this.#now()),
        // A ping without an answer does not change the time of the last answer.
        () => {},
      );
    }
  }
}

const GRACE_MS = 2000;
