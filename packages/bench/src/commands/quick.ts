/**
 * `addQuickCommand`: adds the command `bench quick`, which runs most of the benchmarks briefly, to
 * find broken ones.
 *
 * @module
 */
import type { Command } from 'commander';
import { QUICK_PARTS } from '../quick/parts.ts';
import { runQuick } from '../quick/quick.ts';
import { say } from './output.ts';

export function addQuickCommand(program: Command): void {
  program
    .command('quick')
    .description(
      'run most of the benchmarks once, briefly; fails on a broken run, not on a slow one',
    )
    .action(async () => {
      const { broken, skipped } = await runQuick(QUICK_PARTS, say);
      const isSkipFailure = process.env['LITZ_REQUIRE_ALL'] === '1';
      for (const text of skipped) say(`skipped: ${text}`);
      for (const text of broken) say(`broken: ${text}`);
      if (broken.length > 0 || (isSkipFailure && skipped.length > 0)) process.exitCode = 1;
      else say('nothing is broken');
    });
}
