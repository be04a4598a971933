/**
 * `addScaleCommand`: adds the command `bench scale`, which measures the engine with many peers and
 * many prefixes.
 *
 * @module
 */
import type { Command } from 'commander';
import { measureScale, SCALE_SETTINGS } from '../scale/scale.ts';
import { saveResult, say } from './output.ts';

export function addScaleCommand(program: Command): void {
  const command: Command = program
    .command('scale')
    .description('measure memory and time with 100,000 peers and 1,000,000 prefixes')
    .action(async () => {
      const { peers, sessions, prefixes, timerSeconds } = SCALE_SETTINGS;
      const lists = { sessions: sessions.join(' '), prefixes: prefixes.join(' ') };
      const measurements = await measureScale(SCALE_SETTINGS, say);
      saveResult(command, 'scale', { peers, ...lists, timerSeconds }, measurements);
    });
}
