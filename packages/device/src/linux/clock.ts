/**
 * `chooseClock`: the engine's clock where the packet loop runs on the event loop.
 *
 * @module
 */
import { performance } from 'node:perf_hooks';

/**
 * Monotonic milliseconds. On Linux they count the time the machine was suspended, as old keys must be
 * gone after a night's sleep; elsewhere, and without koffi, they are what Node has.
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
