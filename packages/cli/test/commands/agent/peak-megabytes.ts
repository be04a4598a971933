/**
 * `peakMegabytes`: the peak of the resident memory of a process. `MOST_MEGABYTES`: the limit of
 * this peak for agents in tests.
 *
 * @module
 */
import { readFileSync } from 'node:fs';

/** Returns the peak so far in MB (10^6 bytes). */
export function peakMegabytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1.024e-3;
}

/**
 * In MB: the memory limit of the Helm chart (256 MiB). An agent takes up to 200 MB while a registry
 * sends garbage.
 */
export const MOST_MEGABYTES = 268;
/**
 * The flags that docs/mesh.md advises for a large mesh. With these flags, V8 collects garbage
 * earlier than it does by default on a machine with much memory.
 */
export const NODE_OPTIONS = '--max-semi-space-size=1 --max-old-space-size=256';
