/**
 * `addGarbageCommand`: adds the command `bench garbage`, which counts V8's garbage collections
 * while packets pass.
 *
 * @module
 */
import { Option, type Command } from 'commander';
import { measureGarbage, PATHS, type GarbageSettings } from '../garbage/garbage.ts';
import { listParser, parseCount } from './arguments.ts';
import { saveResult, say } from './output.ts';

export function addGarbageCommand(program: Command): void {
  const command: Command = program
    .command('garbage')
    .description(
      'count garbage collections while N and 4 N packets pass; fails if a packet leaves garbage',
    )
    .option(
      '--packets <number>',
      'N: the number of packets in memory and for TCP',
      parseCount,
      1_000_000,
    )
    .option('--udp-packets <number>', 'N: the number of packets for UDP', parseCount, 800_000)
    .addOption(
      new Option('--paths <names>', 'the paths that packets take')
        .argParser(listParser(PATHS))
        .default(PATHS),
    )
    .addOption(
      new Option(
        '--provider <name>',
        'littering: allocates an object per packet, to show that the benchmark then fails',
      )
        .choices(['copying', 'littering'])
        .default('copying'),
    )
    .action(async (settings: GarbageSettings) => {
      const { paths, packets, udpPackets, provider } = settings;
      const { measurements, skipped, failed } = await measureGarbage(settings, say);
      for (const text of skipped) say(`skipped: ${text}`);
      for (const text of failed) say(`garbage: ${text}`);
      saveResult(
        command,
        'garbage',
        { paths: paths.join(' '), packets, udpPackets, provider },
        measurements,
      );
      if (failed.length > 0) process.exitCode = 1;
    });
}
