/**
 * `measureStart`: measures the first seconds of `litz` and of other implementations. It also
 * measures the cost and the gain of a device's warm-up, and the effect of a small heap. For this,
 * `daemon-child.ts` runs without a warm-up, with a warm-up, and with a warm-up and a small heap.
 *
 * @module
 */
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { missingProgram } from '../peers/command.ts';
import { litz, peersNamed, type Implementation } from '../peers/implementation.ts';
import { runIperf } from '../peers/iperf.ts';
import { missingNamespaces } from '../peers/namespace-pair.ts';
import { alternate, type RoundsOutcome, type Sample } from '../peers/rounds.ts';
import { INNER, Tunnel } from '../peers/tunnel.ts';
import { mean, quantile } from '../results/statistics.ts';

/** Settings of `bench start`. */
export interface StartSettings {
  /** How often each daemon is measured. */
  rounds: number;
  /** Time in ms from the first session to the first stream. The warm-up ends in this time. */
  restMs: number;
  /** The other implementations. */
  peers: readonly Implementation[];
}

/** The subject with a warm-up. */
export const WITH = 'with warm-up';
/** The subject without a warm-up. Everything else is as in the daemon of `WITH`. */
export const WITHOUT = 'without';
/**
 * The subject with a warm-up, and with the option of Node.js for a small young generation. `litz
 * wg0` sets this option too.
 */
export const SMALL_HEAP = 'with --max-semi-space-size=1';
/** The implementations that are measured beside Litz, if they are installed. */
export const START_PEERS: readonly Implementation[] = peersNamed([
  'wireguard-go',
  'wireguard-go (GOMAXPROCS=1)',
  'boringtun',
]);

/** Measures the daemons in turn. Closes every tunnel that it opens. */
export function measureStart(
  { rounds, restMs, peers }: StartSettings,
  progress: (text: string) => void,
): Promise<RoundsOutcome> {
  const missing = missingNamespaces() ?? missingProgram('iperf3', ['--version']);
  const implementations = [
    litz(),
    ...peers,
    daemon(WITH, [CHILD, 'true']),
    daemon(WITHOUT, [CHILD, 'false']),
    daemon(SMALL_HEAP, ['--max-semi-space-size=1', CHILD, 'true']),
  ];
  const take = async (implementation: Implementation): Promise<Sample[]> => [
    ...(await samplePings(implementation)),
    ...(await sampleStreams(implementation, restMs)),
  ];
  return alternate({ implementations, rounds, missing, take }, progress);
}

/** The pings have a tunnel of their own, because they also warm up the code that a stream runs. */
async function samplePings(implementation: Implementation): Promise<Sample[]> {
  const tunnel = await Tunnel.open(implementation, { count: PINGS, intervalSeconds: 0.002 });
  try {
    const { times, sent } = tunnel.firstPings;
    // The first ping waits for the handshake.
    const [first = NaN, ...others] = times;
    return [
      { figure: 'start to configured, both ends', unit: 'ms', value: tunnel.configuredMs },
      { figure: 'first ping, with the handshake', unit: 'ms', value: first },
      { figure: 'first 200 pings, average', unit: 'ms', value: mean(times) },
      { figure: 'first 200 pings, p99', unit: 'ms', value: quantile(others, 0.99) },
      { figure: 'first 200 pings, lost', unit: 'packets', value: sent - times.length },
    ];
  } finally {
    await tunnel.close();
  }
}

async function sampleStreams(implementation: Implementation, restMs: number): Promise<Sample[]> {
  const tunnel = await Tunnel.open(implementation);
  try {
    await setTimeout(restMs);
    return await sampleStart(tunnel);
  } finally {
    await tunnel.close();
  }
}

async function sampleStart(tunnel: Tunnel): Promise<Sample[]> {
  const unit = 'Mbit/s';
  const cpu = tunnel.cpuSeconds();
  const first = await streamOneSecond(tunnel);
  const second = await streamOneSecond(tunnel);
  tunnel.checkAlive();
  return [
    { figure: 'TCP, 1 stream, first second', unit, value: first },
    { figure: 'TCP, 1 stream, second second', unit, value: second },
    { figure: 'CPU of both daemons before the stream', unit: 's', value: cpu },
    {
      figure: 'peak memory of an end, resident',
      unit: 'MB',
      value: tunnel.peakResidentMegabytes(),
    },
  ];
}

/** Returns the received rate in Mbit/s. */
async function streamOneSecond({ namespaces: { a, b } }: Tunnel): Promise<number> {
  const options = { client: a, server: b, address: INNER.b, seconds: 1 };
  return (await runIperf(options)).receivedMbps;
}

function daemon(name: string, args: readonly string[]): Implementation {
  return {
    name,
    missing: () => undefined,
    command: (interfaceName) => [process.execPath, ...args, interfaceName],
  };
}

const PINGS = 200;

/** The path of the built file, because Node.js 20 cannot run a TypeScript source. */
const CHILD: string = fileURLToPath(
  import.meta.url.endsWith('.ts')
    ? new URL('../../dist/start/daemon-child.js', import.meta.url)
    : new URL('daemon-child.js', import.meta.url),
);
