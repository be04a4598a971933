/**
 * `addFloodCommand`: adds the command `bench flood`, which measures an existing session and new
 * peers during floods of handshake messages.
 *
 * @module
 */
import { FLOOD_KINDS, type FloodKind } from '@litz/testkit';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { measureFlood } from '../flood/flood.ts';
import type { Flood } from '../flood/flood-figures.ts';
import { targetsOf, verdicts } from '../flood/targets.ts';
import { litz, PEER_NAMES, peersNamed } from '../peers/implementation.ts';
import { listParser, parseCount } from './arguments.ts';
import { saveResult, say } from './output.ts';

interface FloodOptions {
  rounds: number;
  seconds: number;
  restMs: number;
  rates: readonly number[];
  kinds: readonly FloodKind[];
  crowd: number;
  silent: number;
  watchSeconds: number;
  peers: readonly string[];
}

/** Adds the command `bench flood`. */
export function addFloodCommand(program: Command): void {
  const command: Command = program
    .command('flood')
    .description(
      'measure how an existing session and new peers fare in floods of handshake messages; the command fails if a target is missed',
    )
    .option('--rounds <number>', 'how often each implementation is measured', parseCount, 3)
    .option('--seconds <number>', 'length of one transfer', parseCount, 2)
    .option(
      '--rest-ms <number>',
      'time from the first session to the first transfer',
      parseCount,
      5000,
    )
    .addOption(
      new Option('--rates <numbers>', 'messages per second; full: as many as possible')
        .argParser(ratesOf)
        .default(RATES, '10000,30000,60000,100000,full'),
    )
    .addOption(
      new Option('--kinds <names>', 'the kinds of floods')
        .argParser(listParser(FLOOD_KINDS))
        .default(FLOOD_KINDS),
    )
    .option(
      '--crowd <number>',
      'number of new peers that connect at the same time',
      parseCount,
      2000,
    )
    .option(
      '--silent <number>',
      'number of peers that have a persistent keepalive and never answer',
      parseCount,
      10_000,
    )
    .option(
      '--watch-seconds <number>',
      'how long the session is pinged while the crowd connects, and while silent peers do not answer',
      parseCount,
      8,
    )
    .option('--peers <names>', 'the other implementations', listParser(PEER_NAMES), [
      'wireguard-go',
    ])
    .action((options: FloodOptions) => runFlood(command, options));
}

async function runFlood(command: Command, options: FloodOptions): Promise<void> {
  const { rates, kinds, peers, rounds, seconds, restMs, crowd, silent, watchSeconds } = options;
  const implementations = [litz(), ...peersNamed(peers)];
  const floods = kinds.flatMap((kind) => rates.map((perSecond): Flood => ({ kind, perSecond })));
  const numbers = { rounds, seconds, restMs, crowd, silent, watchSeconds };
  const { measurements, failed } = await measureFlood({ implementations, floods, ...numbers }, say);
  const targets = targetsOf(floods);
  const found = verdicts(measurements, targets);
  for (const { text } of found) say(text);
  saveResult(command, 'flood', numbers, [...measurements, ...targets]);
  if (failed.length > 0 || found.some(({ holds }) => !holds)) process.exitCode = 1;
}

function ratesOf(text: string): number[] {
  return text.split(',').map((rate) => {
    if (rate === 'full') return Infinity;
    const number = Number(rate);
    if (Number.isSafeInteger(number) && number > 0) return number;
    throw new InvalidArgumentError('expected whole numbers above 0, or full');
  });
}

const RATES: readonly number[] = [10_000, 30_000, 60_000, 100_000, Infinity];
