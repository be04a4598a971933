/**
 * `addNodesCommand`: adds the command `bench nodes`, which runs the suites and a tunnel under
 * several versions of Node.js.
 *
 * @module
 */
import type { Command } from 'commander';
import { measureNodes } from '../nodes/nodes.ts';
import { FIGURE_NAMES } from '../peers/figures.ts';
import { parseCount } from './arguments.ts';
import { saveResult, say } from './output.ts';

export function addNodesCommand(program: Command): void {
  const command: Command = program
    .command('nodes')
    .description('run the suites and one round of `bench peers` under several versions of Node.js')
    .option(
      '--nodes <majors>',
      'major versions; npx fetches those that are missing',
      majors,
      [20, 22, 24],
    )
    .option('--time <ms>', 'time for each case of the suites', parseCount, 500)
    .option('--seconds <number>', 'length of one transfer', parseCount, 5)
    .action(async (options: { nodes: number[]; time: number; seconds: number }) => {
      const { nodes, time, seconds } = options;
      const settings = { nodes, time, seconds, figures: FIGURE_NAMES };
      const { measurements, skipped, failed } = await measureNodes(settings, say);
      for (const text of skipped) say(`skipped: ${text}`);
      for (const text of failed) say(`failed: ${text}`);
      saveResult(command, 'nodes', { nodes: nodes.join(' '), time, seconds }, measurements);
      if (failed.length > 0) process.exitCode = 1;
    });
}

function majors(text: string): number[] {
  return text.split(',').map(parseCount);
}
