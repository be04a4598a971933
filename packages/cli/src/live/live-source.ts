/**
 * `LiveSource`: reads the status of interfaces whenever it is asked, and computes rates from one
 * reading to the next.
 *
 * @module
 */
import { setTimeout as delay } from 'node:timers/promises';
import { InterfaceClient, socketNames } from './interface-client.ts';
import { NO_RATES, type LiveInterface, type LiveStatus } from './live-status.ts';
import { WatchedInterface, type WatchedInterfaceParts } from './watched-interface.ts';

/** How a source reaches the daemons and knows the time. */
export interface LiveSourceParts extends WatchedInterfaceParts {
  /** Returns the interfaces that have a daemon. */
  list(): readonly string[];
}

export class LiveSource {
  /** Whether the caller named the interfaces. */
  readonly #areNamed: boolean;
  readonly #parts: LiveSourceParts;
  readonly #watched = new Map<string, WatchedInterface>();
  #readAt: number | undefined;
  #pending: Promise<LiveStatus> | undefined;

  /**
   * @param names the interfaces to watch; if empty, all that have a daemon, also those that come
   *   later
   * @throws {Failure} one of them is not the name of an interface
   */
  constructor(names: readonly string[], parts: LiveSourceParts = MACHINE) {
    this.#parts = parts;
    this.#areNamed = names.length > 0;
    for (const name of names) this.#watch(name);
  }

  /**
   * How many ms the slowest daemon took for its last answer. Daemons that are late
   * (`WatchedInterface.isLate`) are not counted.
   */
  get costMs(): number {
    const prompt = [...this.#watched.values()].filter(({ isLate }) => !isLate);
    return Math.max(0, ...prompt.map(({ costMs }) => costMs));
  }

  /**
   * Reads all interfaces. Does not reject if a daemon does not answer: the status says so. A call
   * during a reading gets the result of that reading.
   *
   * A daemon that takes longer than a second does not delay the others: its last answer is shown
   * until the next one comes.
   */
  read(): Promise<LiveStatus> {
    this.#pending ??= this.#read().finally(() => (this.#pending = undefined));
    return this.#pending;
  }

  close(): void {
    for (const watched of this.#watched.values()) watched.close();
  }

  async #read(): Promise<LiveStatus> {
    if (!this.#areNamed) this.#find();
    const all = [...this.#watched.values()];
    await this.#updateAll(all);
    const now = this.#parts.now();
    const intervalMs = this.#readAt === undefined ? undefined : now - this.#readAt;
    this.#readAt = now;
    return {
      version: 1,
      time: this.#parts.unixTime(),
      intervalMs,
      interfaces: all.flatMap((watched) => this.#shown(watched)),
      peers: all.flatMap(({ reading }) => reading?.peers ?? []),
    };
  }

  /**
   * Waits until all daemons that are not late have answered. After `PATIENCE_MS`, or if all are
   * late, one answer is enough. At the end, each daemon that has not answered counts as late.
   */
  async #updateAll(all: readonly WatchedInterface[]): Promise<void> {
    if (all.length === 0) return;
    const answers = all.map((watched) => watched.update());
    const prompt = answers.filter((_, index) => !all[index]!.isLate);
    const ending = new AbortController();
    const isAnswered = new Set<WatchedInterface>();
    for (const [index, watched] of all.entries()) {
      void answers[index]!.then(() => isAnswered.add(watched));
    }
    await Promise.race([
      prompt.length > 0 ? Promise.all(prompt) : Promise.race(answers),
      this.#parts.pause(PATIENCE_MS, ending.signal).then(() => Promise.race(answers)),
    ]);
    ending.abort();
    for (const watched of all) if (!isAnswered.has(watched)) watched.isLate = true;
  }

  /** Watches the interfaces that have a socket, and no others. */
  #find(): void {
    const names = this.#parts.list();
    for (const [name, watched] of this.#watched) {
      if (names.includes(name)) continue;
      watched.close();
      this.#watched.delete(name);
    }
    for (const name of names) this.#watch(name);
  }

  #watch(name: string): void {
    if (this.#watched.has(name)) return;
    this.#watched.set(name, new WatchedInterface(name, this.#parts));
  }

  #shown({ name, reading, trouble, isSilent }: WatchedInterface): LiveInterface[] {
    if (reading) return [reading.shown];
    // If the caller named no interfaces, those whose daemon was killed are left out.
    return this.#areNamed || isSilent ? [silent(name, trouble)] : [];
  }
}

function silent(name: string, trouble: string | undefined): LiveInterface {
  return {
    name,
    trouble,
    publicKey: undefined,
    listenPort: 0,
    provider: undefined,
    offloads: undefined,
    drops: undefined,
    peerCount: 0,
    connectedCount: 0,
    rates: NO_RATES,
  };
}

const MACHINE: LiveSourceParts = {
  list: socketNames,
  connect: (name) => new InterfaceClient(name, { keepsConnection: true }),
  now: () => performance.now(),
  unixTime: () => Date.now(),
  pause: (ms, signal) => delay(ms, undefined, { signal, ref: false }).catch(() => {}),
};
/** How long the other interfaces wait for a daemon, in ms. */
const PATIENCE_MS = 1000;
