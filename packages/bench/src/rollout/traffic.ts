/**
 * `Traffic`: sends numbered UDP packets, one per millisecond, and TCP data between pods of a
 * cluster, and counts the losses.
 *
 * @module
 */
import { RunningCommand, runCommand, until } from '../peers/command.ts';
import { NumberStream } from '../rotation/number-stream.ts';
import type { ClusterNode } from './cluster-node.ts';

export type Pair = readonly [from: ClusterNode, to: ClusterNode];

export interface TrafficFigures {
  /** How many UDP packets were sent. */
  readonly sent: number;
  /** How many of the UDP packets did not arrive. */
  readonly lost: number;
  /**
   * The longest time in ms between the arrivals of two successive UDP packets of one pair of nodes.
   */
  readonly longestGapMs: number;
  /** The longest series of consecutive UDP packets that were lost. */
  readonly longestRunLost: number;
  /** The data of all TCP connections in MB (10^6 bytes). */
  readonly tcpMegabytes: number;
  /** How many TCP segments were sent again. */
  readonly retransmitted: number;
  /** How many RST segments the pods sent, plus how many of their connections were reset. */
  readonly resets: number;
}

export class Traffic {
  readonly #streams: readonly NumberStream[];
  readonly #transfers: readonly Transfer[];
  readonly #pods: readonly string[];
  readonly #resetsBefore: number;

  /**
   * Starts the traffic.
   *
   * @param pairs the pairs of nodes for each protocol. A node may receive UDP from only one other
   *   node, and TCP from only one other node.
   */
  static async start(pairs: {
    readonly udp: readonly Pair[];
    readonly tcp: readonly Pair[];
  }): Promise<Traffic> {
    const all = [...pairs.udp, ...pairs.tcp].flat();
    const pods = [...new Set(all.map(({ pod }) => pod))];
    const resets = await resetsOf(pods);
    const transfers: Transfer[] = [];
    for (const pair of pairs.tcp) transfers.push(await Transfer.start(pair));
    const streams: NumberStream[] = [];
    for (const [from, to] of pairs.udp) {
      const ends = { from: from.pod, to: to.pod, address: to.podAddress };
      streams.push(await NumberStream.start(ends));
    }
    return new Traffic({ streams, transfers, pods, resets });
  }

  private constructor(parts: {
    streams: readonly NumberStream[];
    transfers: readonly Transfer[];
    pods: readonly string[];
    resets: number;
  }) {
    this.#streams = parts.streams;
    this.#transfers = parts.transfers;
    this.#pods = parts.pods;
    this.#resetsBefore = parts.resets;
  }

  /**
   * Ends the traffic.
   *
   * @throws {Error} (rejects) a connection ended early; the message has the output of iperf3
   */
  async end(): Promise<TrafficFigures> {
    const streams = await Promise.all(this.#streams.map((stream) => stream.end()));
    // Counts the resets before it ends iperf3, which may end its connections with a reset.
    const resets = (await resetsOf(this.#pods)) - this.#resetsBefore;
    const transfers = await Promise.all(this.#transfers.map((transfer) => transfer.end()));
    return {
      sent: sum(streams.map(({ sent }) => sent)),
      lost: sum(streams.map(({ lost }) => lost)),
      longestGapMs: Math.max(...streams.map(({ longestGapMs }) => longestGapMs)),
      longestRunLost: Math.max(...streams.map(({ longestRunLost }) => longestRunLost)),
      tcpMegabytes: sum(transfers.map(({ bytes }) => bytes)) / 1e6,
      retransmitted: sum(transfers.map(({ retransmits }) => retransmits)),
      resets,
    };
  }
}

/** Returns OutRsts + EstabResets of /proc/net/snmp. @throws {RangeError} a column is missing */
export function parseResets(snmp: string): number {
  const [names, values] = snmp.split('\n').filter((line) => line.startsWith('Tcp:'));
  const at = (name: string): number => {
    const column = names?.split(' ').indexOf(name) ?? -1;
    const value = Number(values?.split(' ')[column]);
    if (!Number.isFinite(value)) throw new RangeError(`"snmp" expected a column ${name}`);
    return value;
  };
  return at('OutRsts') + at('EstabResets');
}

/** One TCP connection of iperf3. Its rate is so low that two cores are enough for the benchmark. */
class Transfer {
  readonly #server: RunningCommand;
  readonly #client: RunningCommand;

  static async start([from, to]: Pair): Promise<Transfer> {
    const listen = ['-s', '-1', '-B', to.podAddress, '--forceflush'];
    const server = new RunningCommand('iperf3', listen, { namespace: to.pod });
    await until('iperf3 listens', () => server.output.includes('listening'));
    const words = ['-J', '-c', to.podAddress, '-t', LONGEST_S, '-b', TCP_RATE];
    const client = new RunningCommand('iperf3', words, { namespace: from.pod });
    return new Transfer(server, client);
  }

  private constructor(server: RunningCommand, client: RunningCommand) {
    this.#server = server;
    this.#client = client;
  }

  async end(): Promise<{ readonly bytes: number; readonly retransmits: number }> {
    if (this.#client.hasEnded) throw new Error(`iperf3 ended early: ${this.#client.output}`);
    // On SIGTERM, iperf3 reports the data that it has sent so far.
    await this.#client.end();
    await this.#server.end();
    const { end } = JSON.parse(this.#client.output) as IperfEnd;
    if (!end?.sum_sent?.bytes) throw new Error(`iperf3 sent nothing: ${this.#client.output}`);
    return { bytes: end.sum_sent.bytes, retransmits: end.sum_sent.retransmits ?? 0 };
  }
}

interface IperfEnd {
  readonly end?: { readonly sum_sent?: { readonly bytes: number; readonly retransmits?: number } };
}

/** Returns the sum of the resets of all pods. */
async function resetsOf(pods: readonly string[]): Promise<number> {
  const texts = await Promise.all(
    pods.map((namespace) => runCommand('cat', ['/proc/net/snmp'], { namespace })),
  );
  return sum(texts.map(parseResets));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** The rate of a connection in bits per second. */
export const TCP_RATE = '10M';
/** The time limit of a connection in seconds, longer than any measurement. */
const LONGEST_S = '3600';
