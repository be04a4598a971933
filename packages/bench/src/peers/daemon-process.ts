/**
 * What the kernel knows of a process: proc(5).
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** User and system time of all its threads, seconds. */
export function cpuSeconds(pid: number): number {
  return parseCpuTicks(readFileSync(`/proc/${pid}/stat`, 'latin1')) / ticksPerSecond();
}

/** The largest resident set it ever had, MB (10^6 bytes). */
export function peakResidentMegabytes(pid: number): number {
  return parsePeakResidentKibibytes(readFileSync(`/proc/${pid}/status`, 'latin1')) * 1.024e-3;
}

/**
 * utime + stime of /proc/PID/stat. The name in parentheses may hold anything, parentheses too.
 *
 * @throws {RangeError} it is not such a line
 */
export function parseCpuTicks(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // Field 3 of the manual is the first one here; utime is 14, stime 15.
  const ticks = Number(fields[14 - 3]) + Number(fields[15 - 3]);
  if (!Number.isFinite(ticks)) throw new RangeError('"stat" expected a line of /proc/PID/stat');
  return ticks;
}

/** VmHWM of /proc/PID/status. @throws {RangeError} there is none */
export function parsePeakResidentKibibytes(status: string): number {
  const found = /^VmHWM:\s+(\d+) kB$/m.exec(status);
  if (!found) throw new RangeError('"status" expected a VmHWM line');
  return Number(found[1]);
}

function ticksPerSecond(): number {
  clockTicks ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  return clockTicks;
}

let clockTicks: number | undefined;
