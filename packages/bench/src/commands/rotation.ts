/**
 * `addRotationCommand`: the command `bench rotation`.
 *
 * @module
 */
import type { Command } from 'commander';
import { litz, PEERS } from '../peers/implementation.ts';
import { measureRotation } from '../rotation/rotation.ts';
import { count, listOf } from './arguments.ts';
import { keep, say } from './output.ts';

interface RotationOptions {
  rotations: number;
  packets: number;
  exchanges: number;
  peers: readonly string[];
}

export function addRotationCommand(program: Command): void {
  const names = PEERS.map(({ name }) => name);
  const command: Command = program
    .command('rotation')
    .description('measure the loss in a numbered stream while static keys are replaced')
    .option('--rotations <number>', 'rotations of one end, of the other, and of both', count, 100)
    .option(
      '--packets <number>',
      'packets in each direction per rotation, one per ms',
      count,
      10_000,
    )
    .option(
      '--exchanges <number>',
      'exchanges of a key that another implementation knows',
      count,
      10,
    )
    .option('--peers <names>', 'the other implementations', listOf(names), ['wireguard-go'])
    .action(async ({ rotations, packets, exchanges, peers: wanted }: RotationOptions) => {
      const peers = PEERS.filter(({ name }) => wanted.includes(name));
      const settings = { litz: litz(), peers, rotations, packets, exchanges };
      const { measurements, failed } = await measureRotation(settings, say);
      keep(command, 'rotation', { rotations, packets, exchanges }, measurements);
      if (failed.length > 0) process.exitCode = 1;
    });
}
