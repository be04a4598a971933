/**
 * `SealingRuns`: the runs of a batch that other threads seal, in the order in which they leave. Runs
 * that are sealed already, but must not overtake others, wait here too.
 *
 * @module
 */
import { Transmit, type DatagramRun } from '@litz/core';
import type { SealingThreads } from './tun-to-udp.ts';

/** A run, and what it waits for. */
interface Entry {
  readonly run: Transmit;
  /** The end of its jobs, for `SealingThreads.finish`. */
  mark: number;
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

  /** Adds a run behind the others. Its fields are copied; its bytes must stay until it is taken. */
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

  /** Takes the first run, when it is sealed. There must be one. It is valid until the next `push`. */
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

/** A super-packet is one run, and so is a single packet. */
const CAPACITY = 64;
