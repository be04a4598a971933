/**
 * `waitForSocket`: waits for the socket of a daemon that is not running.
 *
 * @module
 */
import { watch, type FSWatcher } from 'node:fs';
import { basename, dirname } from 'node:path';

/**
 * Waits until the socket may exist, but at most `LOOK_AGAIN_MS`. The limit is needed because a
 * directory cannot be watched if it does not exist or is replaced.
 */
export async function waitForSocket(path: string, signal: AbortSignal): Promise<void> {
  let watcher: FSWatcher | undefined;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      // The search for a daemon may take days with the same signal, so each wait removes its
      // listener.
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, LOOK_AGAIN_MS);
    signal.addEventListener('abort', done);
    try {
      watcher = watch(dirname(path), (_event, name) => {
        if (name === null || name === basename(path)) done();
      });
      watcher.on('error', () => {});
    } catch {
      // The directory cannot be watched. The timer still ends the wait.
    }
  });
  watcher?.close();
}

/** The longest wait, in milliseconds. */
const LOOK_AGAIN_MS = 200;
