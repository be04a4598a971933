/**
 * `addRolloutCommand`: adds the command `bench rollout`, which measures the packets that pods lose
 * while a mesh changes.
 *
 * @module
 */
import type { Command } from 'commander';
import { measureRollout, missingForRollout, type RolloutSettings } from '../rollout/rollout.ts';
import { parseCount } from './arguments.ts';
import { saveResult, say } from './output.ts';

export function addRolloutCommand(program: Command): void {
  const command: Command = program
    .command('rollout')
    .description(
      'measure the packets that pods lose while a mesh is switched on and off and its programs are killed',
    )
    .option('--nodes <number>', 'number of nodes, at least 3', parseCount, 8)
    .option('--agent-kills <number>', 'how often the agent of one node is killed', parseCount, 10)
    .option('--daemon-kills <number>', 'how often the daemon of one node is killed', parseCount, 10)
    .action(async (settings: RolloutSettings) => {
      const missing = missingForRollout();
      if (missing !== undefined) throw new Error(`nothing can be measured: ${missing}`);
      saveResult(command, 'rollout', { ...settings }, await measureRollout(settings, say));
    });
}
