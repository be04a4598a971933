/**
 * `IdleTimer`: the timer behind `setTimeout` of a socket. It never keeps the process alive.
 *
 * @module
 */
import { requireInteger } from '@litz/core/internals';

export class IdleTimer {
  /** The time limit in ms; 0: none; undefined: `start` was never called. */
  ms: number | undefined = undefined;
  readonly #onIdle: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(onIdle: () => void) {
    this.#onIdle = onIdle;
  }

  /**
   * Starts the timer, or stops it.
   *
   * @param ms the time without a `refresh` after which `onIdle` is called; 0: never
   * @throws {TypeError | RangeError} out of range
   */
  start(ms: number): void {
    requireInteger(ms, 'timeout', 0, 2 ** 31 - 1);
    this.stop();
    this.ms = ms;
    if (ms > 0) this.#timer = setTimeout(this.#onIdle, ms).unref();
  }

  /** Begins the time again, because something happened. */
  refresh(): void {
    this.#timer?.refresh();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/** Returns 'IPv4' or 'IPv6', as node:net names the versions. */
export function familyName(version: number): 'IPv4' | 'IPv6' {
  return version === 4 ? 'IPv4' : 'IPv6';
}
