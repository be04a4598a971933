/**
 * Tells when a descriptor is ready that Node's event loop cannot watch, such as a TUN's.
 *
 * A thread sleeps in poll, and nothing is done at intervals. A thread in poll hears neither
 * `terminate()` nor `process.exit()`, which would wait for it without end: so every way out writes its
 * eventfd. (Only a worker that made one and is itself terminated has to `stop` it before.)
 *
 * @module
 */
import { Worker } from 'node:worker_threads';
import { EventFd } from '@litz/sys';
import { POLLING, STATE_LENGTH, STOPPED, WANTED, type ReadinessStart } from './readiness-state.ts';

export interface ReadinessOptions {
  readonly fd: number;
  /** What poll said: called once per `want`. */
  readonly onReady: (events: number) => void;
  /** The thread could not be started, or failed. */
  readonly onError: (error: Error) => void;
}

/** No thread takes so long to look up from poll, but one that is stopped by a debugger. */
const LONGEST_WAIT_MS = 1000;

export class Readiness {
  readonly #state: Int32Array;
  readonly #wake: EventFd;
  readonly #worker: Worker;
  readonly #ended: Promise<void>;

  constructor({ fd, onReady, onError }: ReadinessOptions) {
    const memory = new SharedArrayBuffer(STATE_LENGTH);
    this.#state = new Int32Array(memory);
    this.#wake = new EventFd();
    const start: ReadinessStart = { state: memory, fd, wakeFd: this.#wake.fd };
    this.#worker = new Worker(WORKER_ENTRY, {
      name: 'litz tun',
      workerData: start,
      // Loaders and conditions of this process are for its sources; the thread runs what is built.
      execArgv: [],
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    this.#worker.on('message', onReady);
    this.#worker.on('error', onError);
    this.#ended = new Promise((resolve) => this.#worker.on('exit', () => resolve(this.#end())));
    stopAtExit(this);
  }

  /** Asks to be told once when one of these events of poll(2) is there; replaces the last wish. */
  want(events: number): void {
    if (Atomics.exchange(this.#state, WANTED, events) !== events) this.#wake.signal();
  }

  /** Ends the thread. When this returns, it has let go of the descriptor, which may be closed. */
  stop(): void {
    this.signalStop();
    Atomics.wait(this.#state, POLLING, 1, LONGEST_WAIT_MS);
  }

  /** Resolves when the thread is no more. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /** Without waiting for it. */
  signalStop(): void {
    Atomics.store(this.#state, STOPPED, 1);
    this.#wake.signal();
  }

  ref(): void {
    this.#worker.ref();
  }

  unref(): void {
    this.#worker.unref();
  }

  #end(): void {
    running.delete(this);
    if (running.size === 0) process.off('exit', stopAll);
    this.#wake.close();
  }
}

const running = new Set<Readiness>();

function stopAtExit(readiness: Readiness): void {
  if (running.size === 0) process.on('exit', stopAll);
  running.add(readiness);
}

function stopAll(): void {
  for (const readiness of running) readiness.signalStop();
}

/** Built, also where this file is not: no thread can load a source without a loader. */
const WORKER_ENTRY: URL = import.meta.url.endsWith('.ts')
  ? new URL('../dist/readiness-worker.js', import.meta.url)
  : new URL('readiness-worker.js', import.meta.url);
