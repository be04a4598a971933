/**
 * `peakMegabytes`: the most resident memory that a process has had.
 *
 * @module
 */
import { readFileSync } from 'node:fs';

/** Returns a number in MB (10^6 bytes). */
export function peakMegabytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1.024e-3;
}
