/**
 * `CipherWorkers`: starts and ends the threads that help the packet loop of a device to seal and
 * open. It belongs to the main thread.
 *
 * @module
 */
import { Worker } from 'node:worker_threads';
import type { CipherThreadStart } from '@litz/openssl';
import { threadFile } from './thread-file.ts';

export class CipherWorkers {
  readonly #workers: Set<Worker> = new Set();
  readonly #onLost: (error: Error) => void;
  #isClosing = false;

  /**
   * @param onLost called once for each lost thread: one that failed or was ended from outside. A
   *   thread that the packet loop ended with `CipherThreads.end` is not lost
   */
  constructor(onLost: (error: Error) => void) {
    this.#onLost = onLost;
  }

  /**
   * Starts a thread. It does not keep the process alive. If it cannot be started, it counts as
   * lost.
   */
  start(start: CipherThreadStart): void {
    try {
      this.#start(start);
    } catch (error) {
      markEnded(start);
      this.#onLost(error as Error);
    }
  }

  /** Ends all threads. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await Promise.all(Array.from(this.#workers, (worker) => worker.terminate()));
  }

  #start(start: CipherThreadStart): void {
    const worker = new Worker(threadFile('cipher-worker'), {
      name: `litz seal ${start.number}`,
      workerData: start,
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: 2 },
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    this.#workers.add(worker);
    let failure: Error | undefined;
    worker.on('error', (error: Error) => (failure = error));
    worker.on('exit', (code) => {
      this.#workers.delete(worker);
      markEnded(start);
      const isLost = failure !== undefined || code !== 0;
      if (isLost && !this.#isClosing) {
        this.#onLost(failure ?? new Error(`it exited with code ${code}`));
      }
    });
    worker.unref();
  }
}

/** Marks a thread as ended, so that the packet loop does not wait for it. */
function markEnded({ states, number }: CipherThreadStart): void {
  Atomics.store(new Int32Array(states), number, ENDED);
}

/**
 * The value of `ENDED` in `CipherThreads`. That module is not imported here, because it needs the
 * FFI, which the main thread may not have.
 */
const ENDED = 2;
