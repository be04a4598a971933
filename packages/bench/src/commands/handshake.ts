/**
 * `addHandshakeCommand`: adds the command `bench handshake`, which measures how many handshakes per
 * second a responder answers.
 *
 * @module
 */
import { Option, type Command } from 'commander';
import { measureHandshakes } from '../handshake/handshake-rate.ts';
import { litz, PEER_NAMES, peersNamed } from '../peers/implementation.ts';
import { listParser, parseCount } from './arguments.ts';
import { saveResult, say } from './output.ts';

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
  const command: Command = program
    .command('handshake')
    .description('measure how many handshakes per second a responder answers on one core')
    .option('--rounds <number>', 'how often each implementation is measured', parseCount, 3)
    .option('--seconds <number>', 'how long the load lasts at most', parseCount, 5)
    .option('--clients <number>', 'number of clients, each with its own address', parseCount, 1000)
    .option('--initiations <number>', 'initiations of each client', parseCount, 40)
    .option('--in-flight <number>', 'unanswered initiations at a time', parseCount, 96)
    .addOption(
      new Option('--peers <names>', 'the other implementations')
        .argParser(listParser(PEER_NAMES))
        .default(['wireguard-go']),
    )
    .option('--no-litz', 'measure only the other implementations')
    .action(async (options: HandshakeOptions) => {
      const { rounds, seconds, clients, initiations, inFlight } = options;
      const chosen = peersNamed(options.peers);
      const implementations = options.litz ? [litz(), ...chosen] : chosen;
      const load = { peers: clients, initiationsPerPeer: initiations, inFlight };
      const settings = { implementations, rounds, seconds, ...load };
      const outcome = await measureHandshakes(settings, say);
      saveResult(command, 'handshake', { rounds, seconds, ...load }, outcome.measurements);
      if (outcome.failed.length > 0) process.exitCode = 1;
    });
}
