/**
 * `chooseClock`: the clock of an engine that runs on the event loop.
 *
 * @module
 */
import { performance } from 'node:perf_hooks';

/**
 * Returns a clock of monotonic milliseconds. On Linux it also counts while the machine is
 * suspended, because old keys must expire during that time too. On other systems, and without
 * koffi, it is the clock of Node.js.
 */
export async function chooseClock(): Promise<() => number> {
  if (process.platform !== 'linux') return () => performance.now();
  try {
    const { boottimeMs } = await import('@litz/sys');
    boottimeMs();
    return boottimeMs;
  } catch {
    return () => performance.now();
  }
}
