/**
 * `addPeersCommand`: adds the command `bench peers`, which measures tunnels of Litz and of other
 * implementations, in turn.
 *
 * @module
 */
import { Option, type Command } from 'commander';
import { FIGURE_NAMES, type FigureName } from '../peers/figures.ts';
import { litz, PEER_NAMES, peersNamed } from '../peers/implementation.ts';
import { measurePeers } from '../peers/peers.ts';
import { listParser, parseCount } from './arguments.ts';
import { saveResult, say } from './output.ts';

interface PeersOptions {
  rounds: number;
  seconds: number;
  peers: readonly string[];
  figures: readonly FigureName[];
  litz: boolean;
}

export function addPeersCommand(program: Command): void {
  const command: Command = program
    .command('peers')
    .description('measure Litz and other implementations in turn, each through a tunnel of its own')
    .option('--rounds <number>', 'how often each implementation is measured', parseCount, 3)
    .option('--seconds <number>', 'length of one transfer', parseCount, 5)
    .addOption(
      new Option('--peers <names>', 'the other implementations')
        .argParser(listParser(PEER_NAMES))
        .default(PEER_NAMES),
    )
    .addOption(
      new Option('--figures <names>', 'the figures to measure')
        .argParser(listParser(FIGURE_NAMES))
        .default(FIGURE_NAMES),
    )
    .option('--no-litz', 'measure only the other implementations')
    .action(async (options: PeersOptions) => {
      const { rounds, seconds, figures } = options;
      const chosen = peersNamed(options.peers);
      const implementations = options.litz ? [litz(), ...chosen] : chosen;
      const outcome = await measurePeers({ implementations, rounds, seconds, figures }, say);
      saveResult(command, 'peers', { rounds, seconds }, outcome.measurements);
      if (outcome.failed.length > 0) process.exitCode = 1;
    });
}
