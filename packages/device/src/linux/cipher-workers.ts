/**
 * `CipherWorkers`: the threads that seal together with the packet loop of a device, as the main
 * thread sees them.
 *
 * @module
 */
import { Worker } from 'node:worker_threads';
import type { CipherThreadStart } from '@litz/openssl';

export class CipherWorkers {
  readonly #workers: Set<Worker> = new Set();
  readonly #onLost: (error: Error) => void;
  #isClosing = false;

  /**
   * @param onLost called once for each thread that failed or was ended from outside. A thread that
   *   the packet loop has let end, with `CipherThreads.end`, is not lost
   */
  constructor(onLost: (error: Error) => void) {
    this.#onLost = onLost;
  }

  /** Starts a thread. It does not keep the process alive. */
  start(start: CipherThreadStart): void {
    const worker = new Worker(WORKER_ENTRY, {
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
      const state = new Int32Array(start.states);
      Atomics.store(state, start.number, ENDED);
      const isLost = failure !== undefined || code !== 0;
      if (isLost && !this.#isClosing) {
        this.#onLost(failure ?? new Error(`it exited with code ${code}`));
      }
    });
    worker.unref();
  }

  /** Ends all threads. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await Promise.all(Array.from(this.#workers, (worker) => worker.terminate()));
  }
}

/** `ENDED` of `CipherThreads`. That module needs the FFI, which the main thread may not have. */
const ENDED = 2;

const WORKER_ENTRY: URL = import.meta.url.endsWith('.ts')
  ? new URL('../../dist/linux/cipher-worker.js', import.meta.url)
  : new URL('cipher-worker.js', import.meta.url);
