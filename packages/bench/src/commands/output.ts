/**
 * What all commands do with what they found: tell as it comes, and keep it in the end.
 *
 * @module
 */
import type { Command } from 'commander';
import { describeEnvironment } from '../results/environment.ts';
import { writeResult, type BenchName, type Measurement } from '../results/result.ts';

/** One line for whoever watches. */
export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/**
 * Writes the result file, where `--results` says.
 *
 * @throws {Error} nothing was measured: an older file is worth more than an empty one
 */
export function keep(
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
