/**
 * Measures the figures of `bench:flood` for one tunnel: one sample of each figure per round.
 *
 * @module
 */
import { setTimeout } from 'node:timers/promises';
import type { FloodKind } from '@litz/testkit';
import { median } from '../results/statistics.ts';
import type { Sample } from '../peers/rounds.ts';
import { FloodProcess } from './flood-process.ts';
import type { FloodTunnel } from './flood-tunnel.ts';

/** One flood. */
export interface Flood {
  readonly kind: FloodKind;
  /** Messages per second; Infinity: as many as possible. */
  readonly perSecond: number;
}

export interface FloodLoads {
  readonly floods: readonly Flood[];
  /** The length of one transfer, in seconds. */
  readonly seconds: number;
  /** How many new peers connect at once. */
  readonly crowd: number;
  /** How many peers never answer. */
  readonly silent: number;
  /**
   * For how many seconds the client pings: once while the crowd connects, and once while the silent
   * peers do not answer.
   */
  readonly watchSeconds: number;
}

/**
 * Takes one sample of each figure.
 *
 * @throws {Error} (rejects) a program failed, or a daemon has ended
 */
export async function sampleFloods(tunnel: FloodTunnel, loads: FloodLoads): Promise<Sample[]> {
  const { floods, seconds } = loads;
  // The first transfer is not counted, because the code of a daemon is not yet fast.
  await tunnel.tcpMbps(seconds);
  const samples = await sampleQuiet(tunnel, seconds);
  for (const flood of floods) samples.push(...(await sampleFlood(tunnel, flood, seconds)));
  samples.push(...(await sampleCrowd(tunnel, loads)), ...(await sampleSilent(tunnel, loads)));
  tunnel.checkAlive();
  return samples;
}

/** Returns the name of a flood in figures: 'initiations, 10,000/s'. */
export function floodName({ kind, perSecond }: Flood): string {
  const rate = perSecond === Infinity ? 'full rate' : `${perSecond.toLocaleString('en-US')}/s`;
  return `${kind}, ${rate}`;
}

/**
 * The last part of the name of a figure, after the name of the flood. For `shortRetry` and
 * `protocolRetry`, a few new peers connect at once; the figure is the time in ms until all of them
 * are connected. The two figures differ in how soon a new peer repeats its initiation (`Retry`).
 */
export const FIGURES = {
  sent: 'messages sent per second',
  dropped: 'TCP, flood dropped by nft',
  tcp: 'TCP',
  share: 'share of TCP that is left',
  pingsLost: 'pings lost',
  shortRetry: 'new peer that retries soon',
  protocolRetry: 'new peer that retries after 5 s',
} as const;

async function sampleQuiet(tunnel: FloodTunnel, seconds: number): Promise<Sample[]> {
  const name = 'no flood';
  const newPeers = await tunnel.openGuests(NEW_PEERS, 'protocol');
  const tcp = await tunnel.tcpMbps(seconds);
  const lost = await pingsLost(tunnel);
  return [
    { figure: `${name}: ${FIGURES.tcp}`, unit: 'Mbit/s', value: tcp },
    { figure: `${name}: ${FIGURES.pingsLost}`, unit: 'packets', value: lost },
    timeOf(`${name}: ${FIGURES.protocolRetry}`, await newPeers.connect(NEW_PEER_MS.protocol)),
  ];
}

/**
 * Measures two transfers during one flood. During the first transfer, the server's nft drops the
 * flood. During the second transfer, the daemon of the server gets the flood, and new peers begin
 * to connect. Afterwards the client pings, and then more new peers connect.
 */
async function sampleFlood(tunnel: FloodTunnel, flood: Flood, seconds: number): Promise<Sample[]> {
  const { network, serverKey } = tunnel;
  const short = await tunnel.openGuests(NEW_PEERS, 'short');
  const protocol = await tunnel.openGuests(NEW_PEERS, 'protocol');
  await network.dropFlood();
  const { kind, perSecond } = flood;
  const process = await FloodProcess.start(network.flooder, kind, perSecond, serverKey);
  await setTimeout(SETTLE_MS);
  const dropped = await tunnel.tcpMbps(seconds);
  await network.passFlood();
  await setTimeout(SETTLE_MS);
  const protocolTimes = protocol.connect(NEW_PEER_MS.protocol);
  const tcp = await tunnel.tcpMbps(seconds);
  const lost = await pingsLost(tunnel);
  const shortTimes = await short.connect(NEW_PEER_MS.short);
  const samples = [
    { figure: FIGURES.dropped, unit: 'Mbit/s', value: dropped },
    { figure: FIGURES.tcp, unit: 'Mbit/s', value: tcp },
    { figure: FIGURES.share, unit: '%', value: dropped === 0 ? 0 : (100 * tcp) / dropped },
    { figure: FIGURES.pingsLost, unit: 'packets', value: lost },
    timeOf(FIGURES.shortRetry, shortTimes),
    timeOf(FIGURES.protocolRetry, await protocolTimes),
  ];
  const sent = { figure: FIGURES.sent, unit: 'messages', value: await process.end() };
  return [sent, ...samples].map((sample) => {
    return { ...sample, figure: `${floodName(flood)}: ${sample.figure}` };
  });
}

/** Connects many new peers at the same time, while the client pings. */
async function sampleCrowd(
  tunnel: FloodTunnel,
  { crowd: count, watchSeconds }: FloodLoads,
): Promise<Sample[]> {
  const name = `${count.toLocaleString('en-US')} new peers at once`;
  const crowd = await tunnel.openGuests(count, 'protocol');
  // This wait gives the daemon time to recover from the last flood.
  await setTimeout(AFTER_FLOOD_MS);
  const pings = tunnel.ping(watchSeconds * WATCH_PINGS, 1 / WATCH_PINGS);
  await setTimeout(SETTLE_MS);
  const times = await crowd.connect(CROWD_MS);
  const { times: roundTrips, sent } = await pings;
  return [
    { figure: `${name}: half are connected`, unit: 'ms', value: median(times) },
    { figure: `${name}: all are connected`, unit: 'ms', value: times.at(-1)! },
    longestOf(`${name}: another peer's longest ping`, roundTrips),
    { figure: `${name}: pings lost`, unit: 'packets', value: sent - roundTrips.length },
  ];
}

/**
 * Takes the links down, adds many peers that never answer, and takes the links up again. Then the
 * client pings.
 */
async function sampleSilent(
  tunnel: FloodTunnel,
  { silent: count, watchSeconds }: FloodLoads,
): Promise<Sample[]> {
  const name = `${count.toLocaleString('en-US')} silent peers at link up`;
  await tunnel.restartWithSilentPeers(count);
  const { times, sent } = await tunnel.ping(watchSeconds * WATCH_PINGS, 1 / WATCH_PINGS);
  return [
    longestOf(`${name}: another peer's longest ping`, times),
    { figure: `${name}: pings lost`, unit: 'packets', value: sent - times.length },
  ];
}

async function pingsLost(tunnel: FloodTunnel): Promise<number> {
  const { times, sent } = await tunnel.ping(PINGS, PING_SECONDS);
  return sent - times.length;
}

/** Returns a sample with the time of the slowest of a few new peers. */
function timeOf(figure: string, ascendingMs: readonly number[]): Sample {
  return { figure, unit: 'ms', value: ascendingMs.at(-1)! };
}

/**
 * Returns a sample with the longest round trip. If there was no answer at all, the value of the
 * sample is the time for which `ping` waits.
 */
function longestOf(figure: string, times: readonly number[]): Sample {
  return { figure, unit: 'ms', value: times.length > 0 ? Math.max(...times) : PING_WAIT_MS };
}

/** How many new peers connect during a flood, for each kind of retry. */
const NEW_PEERS = 3;
/**
 * How many ms a new peer may take during a flood, by its kind of retry. A peer that is not
 * connected by then counts with this time.
 */
const NEW_PEER_MS = { short: 6000, protocol: 11_500 };
/**
 * How many ms a flood runs before a measurement. By then, the server has begun to defend itself.
 */
const SETTLE_MS = 700;
/** How many ms a daemon may need to recover from a flood. */
const AFTER_FLOOD_MS = 3000;
const PINGS = 200;
/** The interval of pings during a flood, in seconds. */
const PING_SECONDS = 0.005;
/** How many ms `ping` waits for an answer (`ping -W`). */
const PING_WAIT_MS = 2000;
/** How many ms the peers of a crowd may take to connect. */
const CROWD_MS = 16_000;
/** Pings per second while a crowd connects, and while silent peers do not answer. */
const WATCH_PINGS = 50;
