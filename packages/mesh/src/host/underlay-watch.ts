/**
 * `UnderlayWatch`: reports that links, addresses or routes have changed, at most once a second.
 *
 * @module
 */
import { onReadable, RouteMonitor } from '@litz/sys';

export class UnderlayWatch {
  readonly #monitor: RouteMonitor = new RouteMonitor();
  #listener: (() => void) | undefined = undefined;
  #unwatch: (() => void) | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;

  /** Begins to watch. A second call replaces the listener. */
  watch(listener: () => void): void {
    this.#listener = listener;
    this.#unwatch ??= onReadable(this.#monitor.fd, () => this.#report());
  }

  close(): void {
    this.#unwatch?.();
    clearTimeout(this.#timer);
    this.#monitor.close();
  }

  /**
   * Reports the first change at once, and all changes of the following second together at its end.
   */
  #report(): void {
    // While the timer runs, the notifications wait in the socket. When its buffer is full, the
    // kernel drops further ones. One notification is enough for a report.
    if (this.#timer || !this.#monitor.clear()) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#report();
    }, INTERVAL_MS);
    this.#timer.unref();
    this.#listener?.();
  }
}

const INTERVAL_MS = 1000;
