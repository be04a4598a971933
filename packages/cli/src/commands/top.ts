/**
 * `addTopCommand`: adds `litz top`, a live table of the peers in the terminal.
 *
 * @module
 */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { ORDERS, type Order } from '../top/order.ts';

/** Adds the command to `litz`. */
export function addTopCommand(program: Command): void {
  program
    .command('top')
    .description('show throughput, packets, handshakes, drops and round trips of peers, live')
    .argument('[INTERFACE...]', 'default: all interfaces with a daemon')
    .option('--interval <seconds>', 'time between two readings', readInterval, 1)
    .option('--count <number>', 'print this many tables, one per interval, and end', readCount)
    .addOption(
      new Option('--sort <column>', 'what the peers are sorted by')
        .choices(ORDERS.map(([order]) => order))
        .default('received'),
    )
    .addHelpText('after', HELP)
    .action(async (names: string[], flags: TopFlags) => {
      const { interval, count, sort: order } = flags;
      const { runTop } = await import('../top/run-top.ts');
      await runTop(names, { intervalMs: interval * 1000, count, order });
    });
}

interface TopFlags {
  /** In seconds. */
  readonly interval: number;
  readonly count?: number;
  readonly sort: Order;
}

function readInterval(text: string): number {
  const seconds = /^\d{1,5}(\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (seconds >= 0.1 && seconds <= 3600) return seconds;
  throw new InvalidArgumentError('Expected 0.1 to 3600 seconds.');
}

function readCount(text: string): number {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (count > 0) return count;
  throw new InvalidArgumentError('Expected a number above 0.');
}

const HELP = `
Keys: arrow keys select a peer, Enter shows its details, s sorts, r reverses, / finds, p pauses, ? lists
all keys, q quits.

If the output is not a terminal, one table is printed after one interval, uncut and without colours.

Only a daemon of Litz reports packets, drops and the round trip. The round trip is that of the last
handshake: from the initiation to the response, or from the response to the first message of the
session. It includes the time that both sides need for the cryptography, some milliseconds at most.
Keepalives count as packets. If a reading takes long, the interval is ten times as long as the
reading.

Environment:
  NO_COLOR=1   no colours`;
