/**
 * `bench threads`
 *
 * @module
 */
import type { Command } from 'commander';
import { measureThreads, type ThreadsSettings } from '../threads/threads.ts';
import { count } from './arguments.ts';
import { keep, say } from './output.ts';

export function addThreadsCommand(program: Command): void {
  const command: Command = program
    .command('threads')
    .description('sealing by one thread and by two that share batches')
    .option('--rounds <number>', 'turns of each', count, 5)
    .option('--ms <number>', 'milliseconds of each turn', count, 500)
    .action(async ({ rounds, ms }: Pick<ThreadsSettings, 'rounds' | 'ms'>) => {
      const settings = { threads: [1, 2], batches: [45, 180, 720], rounds, ms };
      const measurements = await measureThreads(settings, say);
      keep(command, 'threads', { rounds, ms }, measurements);
    });
}
