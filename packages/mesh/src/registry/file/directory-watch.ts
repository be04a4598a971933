/**
 * `DirectoryWatch`: watches a directory as far as the system can. If the watch cannot start,
 * because the directory does not exist or the system has no more watches, the next `start` tries
 * again.
 *
 * @module
 */
import { watch } from 'node:fs';

/** Watches until the returned function is called. `onEnd` is called if the watch ends by itself. */
export type WatchDirectory = (path: string, onChange: () => void, onEnd: () => void) => () => void;

export class DirectoryWatch {
  readonly #path: string;
  readonly #onChange: () => void;
  readonly #watch: WatchDirectory;
  #stop: (() => void) | undefined;
  #isClosed = false;

  constructor(path: string, onChange: () => void, watch: WatchDirectory = watchDirectory) {
    this.#path = path;
    this.#onChange = onChange;
    this.#watch = watch;
  }

  /** Starts the watch. Does nothing if the directory is already watched. */
  start(): void {
    if (this.#stop || this.#isClosed) return;
    try {
      this.#stop = this.#watch(this.#path, this.#onChange, () => this.stop());
    } catch {
      // The caller also polls, so it finds the changes without a watch, and it reports what is
      // wrong with the directory.
      this.#stop = undefined;
    }
  }

  stop(): void {
    const stop = this.#stop;
    this.#stop = undefined;
    stop?.();
  }

  close(): void {
    this.#isClosed = true;
    this.stop();
  }
}

function watchDirectory(path: string, onChange: () => void, onEnd: () => void): () => void {
  const watcher = watch(path, { persistent: false }, onChange);
  watcher.on('error', onEnd);
  return () => watcher.close();
}
