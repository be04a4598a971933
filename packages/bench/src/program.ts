/**
 * `createProgram`: one command per benchmark, with its options.
 *
 * @module
 */
import { Command } from 'commander';
import { describeEnvironment } from './results/environment.ts';
import { writeResult, type BenchName, type Measurement } from './results/result.ts';
import { measureScale, SCALE_SETTINGS } from './scale/scale.ts';

export function createProgram(): Command {
  const program = new Command('bench');
  program
    .command('scale')
    .description('100,000 peers, 1,000,000 prefixes')
    .action(async () => {
      const measurements = await measureScale(SCALE_SETTINGS, say);
      const { peers, sessions, prefixes, timerSeconds } = SCALE_SETTINGS;
      const lists = { sessions: sessions.join(' '), prefixes: prefixes.join(' ') };
      keep('scale', { peers, ...lists, timerSeconds }, measurements);
    });
  return program;
}

function keep(
  bench: BenchName,
  settings: Record<string, string | number>,
  measurements: Measurement[],
): void {
  const path = writeResult({ bench, environment: describeEnvironment(), settings, measurements });
  say(`written to ${path}`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
