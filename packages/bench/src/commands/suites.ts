/**
 * `addSuitesCommand`: adds the command `bench suites`, which measures single operations.
 *
 * @module
 */
import { Option, type Command } from 'commander';
import { measureSuites, SUITE_NAMES, type SuiteName } from '../suites/suites.ts';
import { PROVIDER_NAMES, type ProviderName } from '../suites/providers.ts';
import { listParser, parseCount } from './arguments.ts';
import { saveResult, say } from './output.ts';

export function addSuitesCommand(program: Command): void {
  const command: Command = program
    .command('suites')
    .description('time single operations in one process; each result is checked before')
    .option(
      '--time <ms>',
      'time for each case; a quarter of it is added to warm up',
      parseCount,
      1000,
    )
    .addOption(
      new Option('--only <names>', 'the suites to run')
        .argParser(listParser(SUITE_NAMES))
        .default(SUITE_NAMES),
    )
    .addOption(
      new Option('--providers <names>', 'the providers to measure')
        .argParser(listParser(PROVIDER_NAMES))
        .default(PROVIDER_NAMES),
    )
    .action(async ({ time, only, providers }: SuitesOptions) => {
      const measurements = await measureSuites(only, { time, warmUp: time / 4 }, say, providers);
      saveResult(command, 'suites', { time }, measurements);
    });
}

interface SuitesOptions {
  time: number;
  only: readonly SuiteName[];
  providers: readonly ProviderName[];
}
