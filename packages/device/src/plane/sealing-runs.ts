/**
 * `SealingRuns`: the runs of a batch that other threads seal, in the order in which they leave.
 * Runs that are sealed already, but must not overtake others, wait here too.
 *
 * @module
 */
import { Transmit, type DatagramRun } from '@litz/core';

/**
 * Threads that seal runs of packets together with the packet loop. After `handlePackets`, a run may
 * still be in progress; then `isBusy` is true. Its messages may be queued, but must not be sent
 * before `finish`.
 */
export interface SealingThreads {
  /** Whether a run is in progress. */
  readonly isBusy: boolean;
  /** A mark behind all runs that have begun so far, for `hasFinished` and `finish`. */
  readonly mark: number;
  /** Whether the runs before `mark` are sealed. Does not wait. */
  hasFinished(mark: number): boolean;
  /** How many threads there are at present, including the thread of the packet loop. */
  readonly running: number;
  /** Runs may be shared with other threads from now on. */
  open(): void;
  /** Waits until the runs before `mark` are sealed; default: all runs. */
  finish(mark?: number): void;
  /** Waits until all runs are sealed. From then on no run is shared. */
  close(): void;
}

export class SealingRuns {
  readonly #threads: SealingThreads;
  /** A ring. Its objects are reused. */
  readonly #entries: readonly Entry[];
  #first = 0;
  #count = 0;

  constructor(threads: SealingThreads) {
    this.#threads = threads;
    this.#entries = Array.from({ length: CAPACITY }, () => ({ run: new Transmit(), mark: 0 }));
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  get isFull(): boolean {
    return this.#count === CAPACITY;
  }

  /** Where the datagrams of the first run begin, in bytes. */
  get offset(): number {
    return this.#entries[this.#first]!.run.offset;
  }

  /**
   * Adds a run behind the others. Its fields are copied. Its bytes must not change until it is
   * taken.
   */
  push(added: DatagramRun): void {
    const entry = this.#entries[(this.#first + this.#count++) % CAPACITY]!;
    const { run } = entry;
    run.buffer = added.buffer;
    run.offset = added.offset;
    run.length = added.length;
    run.lastLength = added.lastLength;
    run.stride = added.stride;
    run.count = added.count;
    run.destination = added.destination;
    run.tos = added.tos;
    entry.mark = this.#threads.mark;
  }

  /** Takes the first run if it is sealed. It is valid until the next `push`. */
  takeSealed(): DatagramRun | undefined {
    if (this.#count === 0) return undefined;
    return this.#threads.hasFinished(this.#entries[this.#first]!.mark) ? this.#take() : undefined;
  }

  /** Waits for the first run, and takes it. There must be one. Valid until the next `push`. */
  awaitFirst(): DatagramRun {
    this.#threads.finish(this.#entries[this.#first]!.mark);
    return this.#take();
  }

  #take(): DatagramRun {
    const { run } = this.#entries[this.#first]!;
    this.#first = (this.#first + 1) % CAPACITY;
    this.#count--;
    return run;
  }
}

/** A run, and what it waits for. */
interface Entry {
  readonly run: Transmit;
  /** The mark behind the run, for `SealingThreads.finish`. */
  mark: number;
}

/** The most runs that wait. A super-packet is one run, and so is a single packet. */
const CAPACITY = 64;
