/**
 * `TimedWatch`: reads the answers of a watch. If the watch is silent for too long, its connection
 * counts as dead.
 *
 * @module
 */
import type { Clock } from '../clock.ts';
import type { EtcdWatch } from './etcd-client.ts';
import { EtcdError, GRPC_CODES } from './etcd-error.ts';
import type { WatchResponse } from './etcd-messages.ts';

/** Requests a sign of life from a watch that is silent, and closes the watch if none comes. */
export class TimedWatch {
  readonly #watch: EtcdWatch;
  readonly #clock: Clock;
  #cancel: () => void = () => {};
  #isSilent = false;

  constructor(watch: EtcdWatch, clock: Clock) {
    this.#watch = watch;
    this.#clock = clock;
  }

  /**
   * Returns the next answer; undefined if the server has ended the watch.
   *
   * @throws {EtcdError} the watch was silent for too long
   */
  async next(): Promise<WatchResponse | undefined> {
    this.#cancel();
    this.#cancel = this.#clock.after(ASK_MS, () => {
      this.#watch.askProgress();
      this.#cancel = this.#clock.after(SILENT_MS - ASK_MS, () => {
        this.#isSilent = true;
        this.#watch.close();
      });
    });
    try {
      const response = await this.#watch.next();
      if (!this.#isSilent) return response;
    } catch (error) {
      if (!this.#isSilent) throw error;
    }
    throw new EtcdError(GRPC_CODES.deadlineExceeded, `silent for ${SILENT_MS / 1000} s`);
  }

  end(): void {
    this.#cancel();
  }
}

/**
 * In milliseconds. After this time without an answer, etcd is asked for the progress of the watch.
 */
const ASK_MS = 60_000;
/** In milliseconds. After this time without an answer, the watch is closed. */
const SILENT_MS = 90_000;
