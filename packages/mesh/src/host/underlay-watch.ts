/**
 * `UnderlayWatch`: tells that links, addresses or routes have changed, once a second at most.
 *
 * @module
 */
import { onReadable, RouteMonitor } from '@litz/sys';

export class UnderlayWatch {
  readonly #monitor: RouteMonitor = new RouteMonitor();
  #listener: (() => void) | undefined = undefined;
  #unwatch: (() => void) | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;

  /** A second call replaces the listener. */
  watch(listener: () => void): void {
    this.#listener = listener;
    this.#unwatch ??= onReadable(this.#monitor.fd, () => this.#hear());
  }

  close(): void {
    this.#unwatch?.();
    clearTimeout(this.#timer);
    this.#monitor.close();
  }

  /** The first change is told at once, those of the following second together. */
  #hear(): void {
    // Until then the kernel keeps the first notification, and drops the others.
    if (this.#timer || !this.#monitor.clear()) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#hear();
    }, INTERVAL_MS);
    this.#timer.unref();
    this.#listener?.();
  }
}

const INTERVAL_MS = 1000;
