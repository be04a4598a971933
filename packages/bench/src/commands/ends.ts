/**
 * `addEndsCommand`: adds the command `bench ends`, which measures one end of a tunnel at a time.
 *
 * @module
 */
import { Option, type Command } from 'commander';
import { END_FIGURES, END_IMPLEMENTATIONS, measureEnds, type EndFigure } from '../ends/ends.ts';
import { listParser, parseCount } from './arguments.ts';
import { load, saveResult, say } from './output.ts';

interface EndsOptions {
  rounds: number;
  seconds: number;
  only: readonly string[];
  figures: readonly EndFigure[];
}

/** Adds the command `bench ends`. */
export function addEndsCommand(program: Command): void {
  const command: Command = program
    .command('ends')
    .description('measure one end of a tunnel at a time, with one thread and with two, in turn')
    .option('--rounds <number>', 'how often each implementation is measured', parseCount, 3)
    .option('--seconds <number>', 'length of one measurement', parseCount, 1)
    .option(
      '--only <texts...>',
      'measure only the implementations whose names contain one of these texts',
      [''],
    )
    .addOption(
      new Option('--figures <names>', 'the figures to measure')
        .argParser(listParser(END_FIGURES))
        .default(END_FIGURES),
    )
    .action(async ({ rounds, seconds, only, figures }: EndsOptions) => {
      const implementations = END_IMPLEMENTATIONS.filter(({ name }) =>
        only.some((text) => name.includes(text)),
      );
      const loadBefore = load();
      const settings = { implementations, figures, rounds, seconds };
      const { measurements, failed } = await measureEnds(settings, say);
      saveResult(command, 'ends', { rounds, seconds, loadBefore, loadAfter: load() }, measurements);
      if (failed.length > 0) process.exitCode = 1;
    });
}
