/**
 * `measureGarbage`: counts garbage collections while N packets pass, and then, in a new process,
 * while 4 N packets pass.
 *
 * Both counts include the garbage of the start. The difference is the garbage of 3 N packets.
 *
 * @module
 */
import { answerIn, runProgram, withoutAnswers } from '../child.ts';
import { withCleanUp } from '../peers/clean-up.ts';
import { missingProgram } from '../peers/command.ts';
import { missingNamespaces } from '../peers/namespace-pair.ts';
import type { Measurement } from '../results/result.ts';
import type { Way } from './engine-pair.ts';
import { countCollections, TRACE_FLAGS } from './gc-trace.ts';
import { scavengesPerMillion, isGrowing, type Carried } from './growth.ts';
import type { ProviderName } from './providers.ts';
import { carryOverTun, type Protocol } from './tun-path.ts';

/** The paths that packets take. */
export const PATHS = ['memory', 'TCP', 'UDP'] as const;
export type Path = (typeof PATHS)[number];

export interface GarbageSettings {
  paths: readonly Path[];
  /** N, in memory and for TCP. */
  packets: number;
  /** N for UDP, whose packets come one by one at a limited rate. */
  udpPackets: number;
  provider: ProviderName;
}

export interface GarbageOutcome {
  measurements: Measurement[];
  /** `path: reason` of the paths that were skipped. */
  skipped: string[];
  /** `path: growth` of the paths where more packets cause more collections. */
  failed: string[];
}

/** Measures the paths of `settings.paths`, one after the other. */
export async function measureGarbage(
  settings: GarbageSettings,
  progress: (text: string) => void,
): Promise<GarbageOutcome> {
  const { paths, packets, udpPackets, provider } = settings;
  const outcome: GarbageOutcome = { measurements: [], skipped: [], failed: [] };
  if (paths.includes('memory')) {
    await addInMemory(outcome, 'packet', packets, provider, progress);
    await addInMemory(outcome, 'batch', packets, provider, progress);
  }
  const protocols = paths.filter((path) => path !== 'memory');
  if (protocols.length === 0) return outcome;
  const missing = missingNamespaces() ?? missingProgram('iperf3', ['--version']);
  if (missing !== undefined) {
    outcome.skipped.push(`TUN: ${missing}`);
    return outcome;
  }
  await withCleanUp(async () => {
    for (const protocol of protocols) {
      const number = protocol === 'TCP' ? packets : udpPackets;
      await addTun(outcome, protocol, number, provider, progress);
    }
  });
  return outcome;
}

async function addInMemory(
  outcome: GarbageOutcome,
  way: Way,
  packets: number,
  provider: ProviderName,
  progress: (text: string) => void,
): Promise<void> {
  const less = await carryInMemory(way, packets, provider);
  const more = await carryInMemory(way, FACTOR * packets, provider);
  add(outcome, `in memory, ${WAYS[way]}`, less, more, progress);
}

async function carryInMemory(way: Way, packets: number, provider: ProviderName): Promise<Carried> {
  const module = new URL('./memory-child.js', import.meta.url);
  const output = await runProgram(module, [way, packets, provider], { flags: TRACE_FLAGS });
  const carried = answerIn(output, module.pathname) as { packets: number };
  return { packets: carried.packets, ...countCollections(withoutAnswers(output)) };
}

async function addTun(
  outcome: GarbageOutcome,
  protocol: Protocol,
  packets: number,
  provider: ProviderName,
  progress: (text: string) => void,
): Promise<void> {
  const less = await carryOverTun(protocol, packets, provider);
  const more = await carryOverTun(protocol, FACTOR * packets, provider);
  for (const end of ['sender', 'receiver'] as const) {
    add(outcome, `TUN, ${protocol}, ${end}`, less[end], more[end], progress);
  }
}

/** Adds the figures of a path. `less` are the counts for N packets, `more` those for 4 N. */
function add(
  outcome: GarbageOutcome,
  path: string,
  less: Carried,
  more: Carried,
  progress: (text: string) => void,
): void {
  const growth = scavengesPerMillion(less, more);
  const row = (figure: string, unit: string, value: number): void => {
    outcome.measurements.push({ figure: `${path}: ${figure}`, subject: 'litz', unit, value });
    progress(`${path}: ${figure}: ${value.toPrecision(4)} ${unit}`);
  };
  for (const carried of [less, more]) {
    const times = carried === less ? 'N' : `${FACTOR} N`;
    row(`packets, ${times}`, 'packets', carried.packets);
    row(`scavenges, ${times}`, 'collections', carried.scavenges);
    row(`full collections, ${times}`, 'collections', carried.markCompacts);
  }
  row('scavenges per 1,000,000 packets more', 'collections', growth);
  if (isGrowing(growth)) {
    outcome.failed.push(`${path}: ${growth.toFixed(1)} scavenges per 1,000,000 packets`);
  }
}

/** The second count is made with this many times the packets of the first count. */
const FACTOR = 4;
const WAYS: Record<Way, string> = { packet: 'packet by packet', batch: 'in batches' };
