/**
 * `bench handshake`
 *
 * @module
 */
import { Option, type Command } from 'commander';
import { measureHandshakes } from '../handshake/handshake-rate.ts';
import { litz, PEERS } from '../peers/implementation.ts';
import { count, listOf } from './arguments.ts';
import { keep, say } from './output.ts';

interface HandshakeOptions {
  rounds: number;
  seconds: number;
  peers: readonly string[];
  clients: number;
  initiations: number;
  inFlight: number;
  litz: boolean;
}

export function addHandshakeCommand(program: Command): void {
  const names = PEERS.map(({ name }) => name);
  const command: Command = program
    .command('handshake')
    .description('handshakes per second that a responder answers on one core')
    .option('--rounds <number>', 'how often each has its turn', count, 3)
    .option('--seconds <number>', 'of the load, at most', count, 5)
    .option('--clients <number>', 'that connect, each from its own address', count, 1000)
    .option('--initiations <number>', 'of each client', count, 40)
    .option('--in-flight <number>', 'initiations on their way at a time', count, 96)
    .addOption(new Option('--peers <names>').argParser(listOf(names)).default(['wireguard-go']))
    .option('--no-litz', 'only the peers')
    .action(async (options: HandshakeOptions) => {
      const { rounds, seconds, clients, initiations, inFlight } = options;
      const chosen = PEERS.filter(({ name }) => options.peers.includes(name));
      const implementations = options.litz ? [litz(), ...chosen] : chosen;
      const load = { peers: clients, initiationsPerPeer: initiations, inFlight };
      const settings = { implementations, rounds, seconds, ...load };
      const outcome = await measureHandshakes(settings, say);
      keep(command, 'handshake', { rounds, seconds, ...load }, outcome.measurements);
      if (outcome.failed.length > 0) process.exitCode = 1;
    });
}
