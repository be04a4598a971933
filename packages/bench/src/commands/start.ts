/**
 * `addStartCommand`: adds the command `bench start`, which measures the first seconds of daemons.
 *
 * @module
 */
import type { Command } from 'commander';
import { measureStart, START_PEERS, type StartSettings } from '../start/start.ts';
import { parseCount } from './arguments.ts';
import { saveResult, say } from './output.ts';

/** Adds the command `bench start`. */
export function addStartCommand(program: Command): void {
  const command: Command = program
    .command('start')
    .description(
      'measure the first seconds of Litz and of other implementations in turn, and the effect of the warm-up ' +
        'and of a small heap of Litz',
    )
    .option('--rounds <number>', 'how often each daemon is measured', parseCount, 7)
    .option('--rest-ms <number>', 'time from the first session to the stream', parseCount, 4000)
    .action(async ({ rounds, restMs }: Omit<StartSettings, 'peers'>) => {
      const settings = { rounds, restMs, peers: START_PEERS };
      const { measurements, failed } = await measureStart(settings, say);
      saveResult(command, 'start', { rounds, restMs }, measurements);
      if (failed.length > 0) process.exitCode = 1;
    });
}
