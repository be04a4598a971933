/**
 * `createProgram`: creates the command line, with one command per benchmark.
 *
 * @module
 */
import { Command } from 'commander';
import { addEndsCommand } from './commands/ends.ts';
import { addFloodCommand } from './commands/flood.ts';
import { addGarbageCommand } from './commands/garbage.ts';
import { addHandshakeCommand } from './commands/handshake.ts';
import { addMeshCommand } from './commands/mesh.ts';
import { addNodesCommand } from './commands/nodes.ts';
import { addPeersCommand } from './commands/peers.ts';
import { addQuickCommand } from './commands/quick.ts';
import { addReportCommand } from './commands/report.ts';
import { addRolloutCommand } from './commands/rollout.ts';
import { addExchangeCommand } from './commands/exchange.ts';
import { addRotationCommand } from './commands/rotation.ts';
import { addScaleCommand } from './commands/scale.ts';
import { addSocketsCommand } from './commands/sockets.ts';
import { addStartCommand } from './commands/start.ts';
import { addSuitesCommand } from './commands/suites.ts';
import { addThreadsCommand } from './commands/threads.ts';
import { RESULTS_DIRECTORY } from './results/result.ts';

export function createProgram(): Command {
  const program = new Command('bench')
    .description('Measures Litz and other implementations')
    .option('--results <directory>', 'directory of the result files', RESULTS_DIRECTORY);
  addSuitesCommand(program);
  addScaleCommand(program);
  addPeersCommand(program);
  addEndsCommand(program);
  addHandshakeCommand(program);
  addFloodCommand(program);
  addThreadsCommand(program);
  addStartCommand(program);
  addGarbageCommand(program);
  addNodesCommand(program);
  addRotationCommand(program);
  addExchangeCommand(program);
  addRolloutCommand(program);
  addMeshCommand(program);
  addSocketsCommand(program);
  addQuickCommand(program);
  addReportCommand(program);
  return program;
}
