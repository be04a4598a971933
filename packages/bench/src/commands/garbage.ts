/**
 * `bench garbage`
 *
 * @module
 */
import { Option, type Command } from 'commander';
import { measureGarbage, PATHS, type GarbageSettings } from '../garbage/garbage.ts';
import { count, listOf } from './arguments.ts';
import { keep, say } from './output.ts';

export function addGarbageCommand(program: Command): void {
  const command: Command = program
    .command('garbage')
    .description('collections of V8 while N and 4 N packets pass: fails if packets make garbage')
    .option('--packets <number>', 'N, in memory and of TCP', count, 1_000_000)
    .option('--udp-packets <number>', 'N of UDP', count, 800_000)
    .addOption(new Option('--paths <names>').argParser(listOf(PATHS)).default(PATHS))
    .addOption(
      new Option('--provider <name>', 'littering: an object per packet, to see that it is seen')
        .choices(['copying', 'littering'])
        .default('copying'),
    )
    .action(async (settings: GarbageSettings) => {
      const { paths, packets, udpPackets, provider } = settings;
      const { measurements, skipped, failed } = await measureGarbage(settings, say);
      for (const text of skipped) say(`skipped: ${text}`);
      for (const text of failed) say(`garbage: ${text}`);
      keep(
        command,
        'garbage',
        { paths: paths.join(' '), packets, udpPackets, provider },
        measurements,
      );
      if (failed.length > 0) process.exitCode = 1;
    });
}
