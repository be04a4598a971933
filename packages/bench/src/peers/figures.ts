/**
 * The figures that `bench:peers` measures for a tunnel, one sample of each per round.
 *
 * @module
 */
import { mean, quantile } from '../results/statistics.ts';
import { runIperf, type Transfer } from './iperf.ts';
import { ping } from './ping.ts';
import type { Sample } from './rounds.ts';
import { INNER, type Tunnel } from './tunnel.ts';

/** Short names of the figures, for the option `--figures`. */
export const FIGURE_NAMES = [
  'tcp1',
  'tcp1-reverse',
  'tcp4',
  'udp',
  'ping-idle',
  'ping-loaded',
] as const;
export type FigureName = (typeof FIGURE_NAMES)[number];

/**
 * Takes one sample of each requested figure. Peak memory is always included. The CPU time per GB is
 * included if a figure of TCP is requested.
 *
 * @throws {Error} (rejects) a transfer failed, or a daemon has ended
 */
export async function sampleFigures(
  tunnel: Tunnel,
  names: readonly FigureName[],
  seconds: number,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  const tcp: Cost[] = [];
  for (const name of names) {
    samples.push(...(await MEASURE[name](tunnel, seconds, tcp)));
    tunnel.checkAlive();
  }
  if (tcp.length > 0) samples.push({ ...CPU_PER_GB, value: perGigabyte(tcp) });
  samples.push({ ...PEAK_RESIDENT, value: tunnel.peakResidentMegabytes() });
  return samples;
}

/** The CPU time of both daemons for a transfer, and the received bytes. */
interface Cost {
  cpuSeconds: number;
  bytes: number;
}

type Measure = (tunnel: Tunnel, seconds: number, tcp: Cost[]) => Promise<Sample[]>;

async function sampleTcp(
  figure: string,
  tunnel: Tunnel,
  seconds: number,
  args: string[],
  tcp: Cost[],
): Promise<Sample[]> {
  const { transfer, cost } = await costOf(tunnel, () => transferThrough(tunnel, seconds, args));
  tcp.push(cost);
  return [{ figure, unit: 'Mbit/s', value: transfer.receivedMbps }];
}

async function sampleUdp(tunnel: Tunnel, seconds: number): Promise<Sample[]> {
  const args = ['-u', '-b', '0', '-l', '1372'];
  const { transfer, cost } = await costOf(tunnel, () => transferThrough(tunnel, seconds, args));
  const figure = 'UDP 1372 B, received';
  return [
    { figure, unit: 'Mbit/s', value: transfer.receivedMbps },
    // This includes the sender's work for packets that were lost.
    { figure: 'UDP: CPU of both daemons per GB received', unit: 's', value: perGigabyte([cost]) },
  ];
}

/**
 * Sends two series of at most 200 pings: one ping per 10 ms, then one ping per 2 ms. In the second
 * series, other programs have less time to replace the content of the processor's caches. So more
 * of Litz is still in these caches when a ping comes.
 */
async function sampleIdlePing(tunnel: Tunnel, seconds: number): Promise<Sample[]> {
  const count = Math.min(200, Math.ceil(seconds * 100));
  const average = async (intervalSeconds: number): Promise<number> =>
    mean((await ping(tunnel.namespaces.a, INNER.b, count, intervalSeconds)).times);
  return [
    { figure: 'ping, idle, average', unit: 'ms', value: await average(0.01) },
    { figure: 'ping, idle, every 2 ms, average', unit: 'ms', value: await average(0.002) },
  ];
}

/** Sends a ping every 10 ms beside one TCP stream at full rate. */
async function sampleLoadedPing(tunnel: Tunnel, seconds: number): Promise<Sample[]> {
  let times: number[] = [];
  const meanwhile = async (): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, RAMP_UP_MS));
    ({ times } = await ping(tunnel.namespaces.a, INNER.b, Math.ceil(seconds * 100), 0.01));
  };
  await transferThrough(tunnel, seconds + 2, [], meanwhile);
  const figure = 'ping beside one TCP stream';
  return [
    { figure: `${figure}, p50`, unit: 'ms', value: quantile(times, 0.5) },
    { figure: `${figure}, p99`, unit: 'ms', value: quantile(times, 0.99) },
  ];
}

function transferThrough(
  { namespaces }: Tunnel,
  seconds: number,
  args: string[],
  meanwhile?: () => Promise<void>,
): Promise<Transfer> {
  const { a: client, b: server } = namespaces;
  const options = { client, server, address: INNER.b, seconds, args };
  return runIperf(meanwhile ? { ...options, meanwhile } : options);
}

async function costOf(
  tunnel: Tunnel,
  run: () => Promise<Transfer>,
): Promise<{ transfer: Transfer; cost: Cost }> {
  const before = tunnel.cpuSeconds();
  const transfer = await run();
  const cpuSeconds = tunnel.cpuSeconds() - before;
  return { transfer, cost: { cpuSeconds, bytes: transfer.receivedBytes } };
}

function perGigabyte(costs: readonly Cost[]): number {
  const cpuSeconds = costs.reduce((sum, cost) => sum + cost.cpuSeconds, 0);
  const bytes = costs.reduce((sum, cost) => sum + cost.bytes, 0);
  if (bytes === 0) throw new Error('nothing arrived');
  return (cpuSeconds * 1e9) / bytes;
}

const MEASURE: Record<FigureName, Measure> = {
  tcp1: (tunnel, seconds, tcp) => sampleTcp('TCP, 1 stream', tunnel, seconds, [], tcp),
  'tcp1-reverse': (tunnel, seconds, tcp) =>
    sampleTcp('TCP, 1 stream, reverse', tunnel, seconds, ['-R'], tcp),
  tcp4: (tunnel, seconds, tcp) => sampleTcp('TCP, 4 streams', tunnel, seconds, ['-P', '4'], tcp),
  udp: sampleUdp,
  'ping-idle': sampleIdlePing,
  'ping-loaded': sampleLoadedPing,
};
const CPU_PER_GB = { figure: 'TCP: CPU of both daemons per GB', unit: 's' };
const PEAK_RESIDENT = { figure: 'peak memory of an end, resident', unit: 'MB' };
/** Time in ms until TCP has reached its full rate. */
const RAMP_UP_MS = 500;
