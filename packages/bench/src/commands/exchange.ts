/**
 * `addExchangeCommand`: adds the command `bench exchange`, which measures the packets that are lost
 * while another implementation replaces the public key that it knows of Litz.
 *
 * @module
 */
import type { Command } from 'commander';
import { litz, PEERS } from '../peers/implementation.ts';
import {
  EXCHANGE_KINDS,
  exchangePeer,
  KERNEL,
  measureExchange,
  type ExchangeKind,
} from '../rotation/rotation.ts';
import { listParser, parseCount } from './arguments.ts';
import { saveResult, say } from './output.ts';

interface ExchangeOptions {
  exchanges: number;
  packets: number;
  peers: readonly string[];
  kinds: readonly ExchangeKind[];
}

export function addExchangeCommand(program: Command): void {
  const all = [...PEERS.map(exchangePeer), KERNEL];
  const names = all.map(({ name }) => name);
  const command: Command = program
    .command('exchange')
    .description(
      'measure the loss of a stream of numbered packets while another implementation replaces the public key that it knows of Litz',
    )
    .option('--exchanges <number>', 'how often the key is replaced', parseCount, 30)
    .option(
      '--packets <number>',
      'packets in each direction per exchange, one per ms',
      parseCount,
      3000,
    )
    .option('--peers <names>', 'the other implementations', listParser(names), [
      'wireguard-go',
      'kernel',
    ])
    .option(
      '--kinds <names>',
      'what is measured with each implementation',
      listParser(EXCHANGE_KINDS),
      [...EXCHANGE_KINDS],
    )
    .action(async ({ exchanges, packets, peers: wanted, kinds }: ExchangeOptions) => {
      const peers = all.filter(({ name }) => wanted.includes(name));
      const settings = { litz: litz(), peers, kinds, exchanges, packets };
      const { measurements, failed } = await measureExchange(settings, say);
      saveResult(command, 'exchange', { exchanges, packets }, measurements);
      if (failed.length > 0) process.exitCode = 1;
    });
}
