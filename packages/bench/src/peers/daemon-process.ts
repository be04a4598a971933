/**
 * Reads what the kernel reports about a process: proc(5).
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Returns the user and system time of all threads of the process, in seconds. */
export function cpuSeconds(pid: number): number {
  return parseCpuTicks(readFileSync(`/proc/${pid}/stat`, 'latin1')) / ticksPerSecond();
}

/** Returns the largest resident set of the process so far, in MB (10^6 bytes). */
export function peakResidentMegabytes(pid: number): number {
  return parsePeakResidentKibibytes(readFileSync(`/proc/${pid}/status`, 'latin1')) * 1.024e-3;
}

/**
 * Returns utime + stime of /proc/PID/stat. The program name, which is in parentheses, may contain
 * any character, even parentheses.
 *
 * @throws {RangeError} the text is not a line of /proc/PID/stat
 */
export function parseCpuTicks(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // Field 3 of the manual is the first one here; utime is field 14, stime is field 15.
  const ticks = Number(fields[14 - 3]) + Number(fields[15 - 3]);
  if (!Number.isFinite(ticks)) throw new RangeError('"stat" expected a line of /proc/PID/stat');
  return ticks;
}

/** Returns VmHWM of /proc/PID/status. @throws {RangeError} the text has no VmHWM */
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
