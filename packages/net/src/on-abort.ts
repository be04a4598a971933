/**
 * `onAbort`: calls a function when a signal is aborted.
 *
 * @module
 */

/**
 * Calls `run` when the signal is aborted: in the next tick if it is aborted already.
 *
 * @returns a function that forgets `run`
 */
export function onAbort(signal: AbortSignal | undefined, run: () => void): () => void {
  if (!signal) return nothing;
  let isForgotten = false;
  if (signal.aborted) process.nextTick(() => isForgotten || run());
  else signal.addEventListener('abort', run, { once: true });
  return () => {
    isForgotten = true;
    signal.removeEventListener('abort', run);
  };
}

function nothing(): void {}
