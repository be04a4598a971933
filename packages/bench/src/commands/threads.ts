/**
 * `addThreadsCommand`: adds the command `bench threads`, which measures how much faster two threads
 * seal than one.
 *
 * @module
 */
import type { Command } from 'commander';
import { measureThreads, type ThreadsSettings } from '../threads/threads.ts';
import { parseCount } from './arguments.ts';
import { saveResult, say } from './output.ts';

export function addThreadsCommand(program: Command): void {
  const command: Command = program
    .command('threads')
    .description('measure sealing by one thread and by two threads that share batches')
    .option('--rounds <number>', 'how often each number of threads is measured', parseCount, 5)
    .option('--ms <number>', 'milliseconds of each measurement', parseCount, 500)
    .action(async ({ rounds, ms }: Pick<ThreadsSettings, 'rounds' | 'ms'>) => {
      const settings = { threads: [1, 2], batches: [45, 180, 720], rounds, ms };
      const measurements = await measureThreads(settings, say);
      saveResult(command, 'threads', { rounds, ms }, measurements);
    });
}
