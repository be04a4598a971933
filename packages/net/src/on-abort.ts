/**
 * `onAbort`: calls a function when a signal is aborted. `checkSignal`: checks that a value is a
 * signal.
 *
 * @module
 */
import { describe } from '@litz/core/internals';

/**
 * Calls `run` when the signal is aborted: in the next tick if it is aborted already.
 *
 * @returns a function that ends this: after its call, `run` is not called any more
 * @throws {TypeError} `signal` is no AbortSignal
 */
export function onAbort(signal: AbortSignal | undefined, run: () => void): () => void {
  checkSignal(signal);
  if (!signal) return nothing;
  let isForgotten = false;
  if (signal.aborted) process.nextTick(() => isForgotten || run());
  else signal.addEventListener('abort', run, { once: true });
  return () => {
    isForgotten = true;
    signal.removeEventListener('abort', run);
  };
}

/**
 * Accepts undefined, and signals of other realms and libraries.
 *
 * @throws {TypeError} `signal` is no AbortSignal
 */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  const { aborted, addEventListener } = Object(signal) as Partial<AbortSignal>;
  if (typeof aborted === 'boolean' && typeof addEventListener === 'function') return;
  throw new TypeError(`"signal" expected an AbortSignal, got ${describe(signal)}`);
}

function nothing(): void {}
