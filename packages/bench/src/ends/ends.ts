/**
 * `measureEnds`: measures one end of a tunnel at a time. The other end (`one-end.ts`) needs little
 * CPU time. So a machine with two cores is enough to show whether an implementation uses a second
 * core.
 *
 * @module
 */
import { availableParallelism } from 'node:os';
import { missingProgram } from '../peers/command.ts';
import { litz, PEERS, type Implementation } from '../peers/implementation.ts';
import { missingNamespaces } from '../peers/namespace-pair.ts';
import { alternate, type RoundsOutcome, type Sample } from '../peers/rounds.ts';
import { OneEnd, type Load, type ReceivedLoad, type Shown } from './one-end.ts';

/** Settings of `bench ends`. */
export interface EndsSettings {
  implementations: readonly Implementation[];
  figures: readonly EndFigure[];
  rounds: number;
  /** The length of one measurement, in seconds. */
  seconds: number;
}

/** Short names of the figures, for the option `--figures`. */
export const END_FIGURES = [
  'send-1420',
  'receive-1420',
  'send-8920',
  'receive-8920',
  'send-64',
  'receive-64',
  'send-200',
  'receive-200',
] as const;
export type EndFigure = (typeof END_FIGURES)[number];

/**
 * Litz with one thread, with two threads, and with as many as `auto` chooses; wireguard-go with one
 * thread and with two threads; BoringTun with one thread.
 */
export const END_IMPLEMENTATIONS: readonly Implementation[] = [
  withEnvironment(litz(), 'litz, 1 thread', { LITZ_THREADS: '1' }),
  withEnvironment(litz(), 'litz, 2 threads', { LITZ_THREADS: '2' }),
  withEnvironment(litz(), 'litz, auto', { LITZ_THREADS: 'auto' }),
  ...[1, 2].map((threads) =>
    withEnvironment(named('wireguard-go'), `wireguard-go, GOMAXPROCS=${threads}`, {
      GOMAXPROCS: String(threads),
    }),
  ),
  oneThread('boringtun', '--threads', '1'),
];

/**
 * Measures all implementations in turn. Each measurement makes its own namespaces, and removes them
 * at the end.
 */
export function measureEnds(
  { implementations, figures, rounds, seconds }: EndsSettings,
  progress: (text: string) => void,
): Promise<RoundsOutcome> {
  const take = async (implementation: Implementation): Promise<Sample[]> => {
    const samples: Sample[] = [];
    for (const figure of figures) {
      const shown = await show(implementation, figure, seconds);
      if (shown.isLimitFound === false) {
        progress(
          `  ${figure}: left out: the sender was too slow to reach the highest rate of the daemon`,
        );
        continue;
      }
      const excess = excessText(shown);
      if (excess !== undefined) progress(`  ${figure}: ${excess}`);
      samples.push(...samplesOf(figure, shown));
    }
    return samples;
  };
  return alternate({ implementations, rounds, missing: missingTools(), take }, progress);
}

/**
 * Returns a warning if the daemon and the load together used at least 97 % of the CPU time of all
 * cores. A second thread cannot show its effect then. Returns undefined if they used less.
 */
export function excessText(
  { daemonCores, generatorCores }: Shown,
  cores: number = availableParallelism(),
): string | undefined {
  if (daemonCores + generatorCores < cores * ALMOST_ALL) return undefined;
  const used = `${daemonCores.toFixed(2)} + ${generatorCores.toFixed(2)}`;
  return `daemon and load used all ${cores} cores (${used})`;
}

/**
 * Returns the samples of one figure. The last sample is an upper limit for more threads, in percent
 * of the measured rate. It is computed: the daemon and the load would reach this rate if together
 * they used all cores, and if each packet cost as much CPU time as in the measurement.
 *
 * @param cores how many cores the machine has
 */
export function samplesOf(
  figure: EndFigure,
  shown: Shown,
  cores: number = availableParallelism(),
): Sample[] {
  const { packetsPerSecond, offeredPerSecond, daemonCores, generatorCores } = shown;
  const { title, load } = FIGURES[figure];
  const rate = load.superPackets
    ? { unit: 'Mbit/s', value: (packetsPerSecond * load.packetLength * 8) / 1e6 }
    : { unit: '1/s', value: packetsPerSecond };
  return [
    { figure: title, ...rate },
    { figure: `${title}: processor of the daemon`, unit: '%', value: daemonCores * 100 },
    { figure: `${title}: processor of the load`, unit: '%', value: generatorCores * 100 },
    {
      figure: `${title}: share of the load that was taken`,
      unit: '%',
      value: (packetsPerSecond / offeredPerSecond) * 100,
    },
    {
      figure: `${title}: ceiling with all cores`,
      unit: '%',
      value: (cores / (daemonCores + generatorCores)) * 100,
    },
  ];
}

async function show(
  implementation: Implementation,
  figure: EndFigure,
  seconds: number,
): Promise<Shown & Partial<ReceivedLoad>> {
  const { load } = FIGURES[figure];
  const end = await OneEnd.open(implementation, load);
  try {
    return figure.startsWith('send') ? await end.send(seconds) : await end.receive(seconds);
  } finally {
    await end.close();
  }
}

function missingTools(): string | undefined {
  return missingNamespaces() ?? missingProgram('nft', ['--version']);
}

function named(name: string): Implementation {
  return PEERS.find((peer) => peer.name === name)!;
}

function withEnvironment(
  implementation: Implementation,
  name: string,
  env: Record<string, string>,
): Implementation {
  return { ...implementation, name, env: { ...implementation.env, ...env } };
}

function oneThread(peer: string, ...args: string[]): Implementation {
  const implementation = named(peer);
  return {
    ...implementation,
    name: `${peer}, 1 thread`,
    command: (interfaceName) => {
      const [program, ...rest] = implementation.command(interfaceName);
      return [program, ...args, ...rest];
    },
  };
}

interface FigureSettings {
  readonly title: string;
  readonly load: Load;
}

function streamOf(title: string, mtu: number): FigureSettings {
  const load = { packetLength: mtu, mtu, superPackets: true };
  return { title: `${title}, MTU ${mtu}`, load };
}

function smallOf(title: string, packetLength: number): FigureSettings {
  const load = { packetLength, mtu: 1420, superPackets: false };
  return { title: `${title}, packets of ${packetLength} B`, load };
}

const FIGURES: Readonly<Record<EndFigure, FigureSettings>> = {
  'send-1420': streamOf('sending', 1420),
  'receive-1420': streamOf('receiving', 1420),
  'send-8920': streamOf('sending', 8920),
  'receive-8920': streamOf('receiving', 8920),
  'send-64': smallOf('sending', 64),
  'receive-64': smallOf('receiving', 64),
  'send-200': smallOf('sending', 200),
  'receive-200': smallOf('receiving', 200),
};
const ALMOST_ALL = 0.97;
