/**
 * `addRotationCommand`: adds the command `bench rotation`, which measures the packets that are lost
 * while Litz replaces static keys.
 *
 * @module
 */
import type { Command } from 'commander';
import { litz } from '../peers/implementation.ts';
import { measureRotation } from '../rotation/rotation.ts';
import { parseCount } from './arguments.ts';
import { saveResult, say } from './output.ts';

interface RotationOptions {
  rotations: number;
  packets: number;
}

export function addRotationCommand(program: Command): void {
  const command: Command = program
    .command('rotation')
    .description('measure the loss of a stream of numbered packets while Litz replaces static keys')
    .option(
      '--rotations <number>',
      'how often the key of one end, of the other end, and of both is replaced',
      parseCount,
      100,
    )
    .option(
      '--packets <number>',
      'packets in each direction per rotation, one per ms',
      parseCount,
      10_000,
    )
    .action(async ({ rotations, packets }: RotationOptions) => {
      const settings = { litz: litz(), rotations, packets };
      const { measurements, failed } = await measureRotation(settings, say);
      saveResult(command, 'rotation', { rotations, packets }, measurements);
      if (failed.length > 0) process.exitCode = 1;
    });
}
