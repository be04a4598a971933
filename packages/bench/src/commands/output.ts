/**
 * The output of all commands: progress while they run, and the result file at the end.
 *
 * @module
 */
import { loadavg } from 'node:os';
import type { Command } from 'commander';
import { describeEnvironment } from '../results/environment.ts';
import { writeResult, type BenchName, type Measurement } from '../results/result.ts';

/** Prints one line of progress. */
export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/**
 * Writes the result file into the directory of `--results`.
 *
 * @throws {Error} nothing was measured; an older result file is kept
 */
export function saveResult(
  command: Command,
  bench: BenchName,
  settings: Record<string, string | number>,
  measurements: Measurement[],
): void {
  if (measurements.length === 0) throw new Error(`${bench}: nothing was measured`);
  const result = { bench, environment: describeEnvironment(), settings, measurements };
  const { results } = command.optsWithGlobals<{ results: string }>();
  say(`written to ${writeResult(result, results)}`);
}

/**
 * Returns the load average of the last minute. If it is higher than the number of cores, programs
 * wait for a core, and measured times are too long.
 */
export function load(): number {
  return Number((loadavg()[0] ?? 0).toFixed(1));
}
