/**
 * `Readiness`: reports when a descriptor is ready. It is for descriptors that Node's event loop
 * cannot watch, such as the descriptor of a TUN.
 *
 * A thread sleeps in poll; nothing runs at intervals. A thread in poll does not notice
 * `terminate()` or `process.exit()`, and these would wait for it without end. So `stop`, and a
 * listener for the event `exit` of the process, wake the thread through its eventfd. A worker
 * thread that is terminated has no such event. So the `stop` of a `Readiness` that a worker has
 * made must be called before the worker is terminated.
 *
 * @module
 */
import { Worker } from 'node:worker_threads';
import { EventFd } from '@litz/sys';
import {
  POLLING,
  FLAGS_LENGTH,
  STOPPED,
  REQUESTED,
  type ReadinessStart,
} from './readiness-flags.ts';
import { threadFile } from './thread-file.ts';

export interface ReadinessOptions {
  readonly fd: number;
  /** Called with the events of poll, at most once per `request`. */
  readonly onReady: (events: number) => void;
  /** Called when the thread could not be started, or failed. */
  readonly onError: (error: Error) => void;
}

export class Readiness {
  readonly #flags: Int32Array;
  readonly #wake: EventFd;
  readonly #worker: Worker;
  readonly #ended: Promise<void>;

  constructor({ fd, onReady, onError }: ReadinessOptions) {
    const file = threadFile();
    const memory = new SharedArrayBuffer(FLAGS_LENGTH);
    this.#flags = new Int32Array(memory);
    this.#wake = new EventFd();
    const start: ReadinessStart = { memory, fd, wakeFd: this.#wake.fd };
    this.#worker = new Worker(file, {
      name: 'litz tun',
      workerData: start,
      // The loaders and export conditions of this process are for source files, but the thread runs
      // built files.
      execArgv: [],
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    this.#worker.on('message', onReady);
    this.#worker.on('error', onError);
    this.#ended = new Promise((resolve) => this.#worker.on('exit', () => resolve(this.#end())));
    stopAtExit(this);
  }

  /**
   * Requests one call of `onReady` when one of these events of poll(2) comes. Replaces the last
   * request.
   */
  request(events: number): void {
    if (Atomics.exchange(this.#flags, REQUESTED, events) !== events) this.#wake.signal();
  }

  /**
   * Ends the thread. After this returns, the thread no longer uses the descriptor, and the caller
   * may close it.
   */
  stop(): void {
    this.signalStop();
    Atomics.wait(this.#flags, POLLING, 1, LONGEST_WAIT_MS);
  }

  /** Resolves when the thread has ended. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /** Asks the thread to end, without waiting. */
  signalStop(): void {
    Atomics.store(this.#flags, STOPPED, 1);
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

function stopAtExit(readiness: Readiness): void {
  if (running.size === 0) process.on('exit', stopAll);
  running.add(readiness);
}

function stopAll(): void {
  for (const readiness of running) readiness.signalStop();
}

/**
 * How long to wait for the thread, in ms. The thread leaves poll much sooner, unless a debugger has
 * stopped the thread.
 */
const LONGEST_WAIT_MS = 1000;
const running = new Set<Readiness>();
