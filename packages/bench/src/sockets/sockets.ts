/**
 * `measureSockets`: measures the sockets of Litz and of other programs, in turn, over a tunnel
 * without an interface.
 *
 * The far end is always the same: wireguard-go with an interface, and a server with the sockets of
 * the kernel. Each measurement has a process and a tunnel of its own.
 *
 * @module
 */
import { missingProgram } from '../peers/command.ts';
import { peersNamed } from '../peers/implementation.ts';
import { missingNamespaces } from '../peers/namespace-pair.ts';
import { alternate, type RoundsOutcome, type Sample } from '../peers/rounds.ts';
import type { ClientAnswer, ClientMode } from './client-settings.ts';
import { FarEnd, type Loss } from './far-end.ts';
import type { Subject } from './subjects.ts';

/** Settings of `bench sockets`. */
export interface SocketsSettings {
  readonly subjects: readonly Subject[];
  readonly rounds: number;
  /** The length of one measurement, in seconds. */
  readonly seconds: number;
  readonly modes: readonly ClientMode[];
  /** How many idle connections are opened. */
  readonly idle: number;
  /** Shares of datagrams that are lost, for the goodput. */
  readonly losses: readonly number[];
}

/** Measures all subjects in turn. Closes everything that it opens. */
export function measureSockets(
  settings: SocketsSettings,
  progress: (text: string) => void,
): Promise<RoundsOutcome> {
  const { subjects, rounds } = settings;
  let turn = 0;
  return alternate(
    {
      implementations: subjects,
      rounds,
      missing: missingNamespaces() ?? missingProgram('wireguard', ['--version']),
      take: (subject) => takeSamples(subject, settings, ++turn),
    },
    progress,
  );
}

async function takeSamples(
  subject: Subject,
  { seconds, modes, idle, losses }: SocketsSettings,
  seed: number,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  const peaks: number[] = [];
  for (const mode of modes.filter((it) => subject.modes.includes(it))) {
    const connections = mode === 'idle' ? idle : CONNECTIONS[mode];
    const answer = await withFarEnd((far) => subject.run(far, { mode, seconds, connections }));
    samples.push(...samplesOf(mode, answer, connections));
    if (mode === 'down' || mode === 'up') peaks.push(answer.peakMb);
  }
  if (peaks.length > 0) {
    samples.push({ figure: 'peak memory, 1 stream', unit: 'MB', value: Math.max(...peaks) });
  }
  for (const share of subject.loss ? losses : []) {
    const loss = { share, delayMs: 20, seed };
    const run = { mode: 'up', seconds: seconds * 2, connections: LOSS_STREAMS } as const;
    const value = await withFarEnd(
      async (far) => subject.goodput?.(far, run) ?? megabits(await subject.run(far, run)),
      loss,
    );
    const figure = `goodput, ${share * 100} % loss, 40 ms, ${LOSS_STREAMS} streams up`;
    samples.push({ figure, unit: 'Mbit/s', value });
  }
  return samples;
}

/** Makes a far end for one measurement. */
async function withFarEnd<T>(use: (far: FarEnd) => Promise<T>, loss?: Loss): Promise<T> {
  const far = await FarEnd.open(peersNamed(['wireguard-go'])[0]!, loss);
  try {
    return await use(far);
  } finally {
    await far.close();
  }
}

function samplesOf(mode: ClientMode, answer: ClientAnswer, connections: number): Sample[] {
  const { amount, seconds, cpuSeconds } = answer;
  switch (mode) {
    case 'down':
    case 'up':
      return [
        { figure: `TCP, 1 stream ${mode}`, unit: 'Mbit/s', value: megabits(answer) },
        { figure: `CPU time per GB, ${mode}`, unit: 's', value: cpuSeconds / (amount / 1e9) },
      ];
    case 'http':
      return [
        { figure: 'HTTP, 64 connections, 1 KB', unit: '1/s', value: amount / seconds },
        { figure: 'CPU time per 1000 requests', unit: 'ms', value: (cpuSeconds / amount) * 1e6 },
      ];
    case 'churn':
      return [
        { figure: 'connections opened and closed', unit: '1/s', value: amount / seconds },
        { figure: 'CPU time per 1000 connections', unit: 'ms', value: (cpuSeconds / amount) * 1e6 },
      ];
    case 'idle':
    default:
      return [{ figure: 'an idle connection', unit: 'B', value: amount / connections }];
  }
}

function megabits({ amount, seconds }: ClientAnswer): number {
  return (amount * 8) / seconds / 1e6;
}

const CONNECTIONS: Readonly<Record<Exclude<ClientMode, 'idle'>, number>> = {
  down: 1,
  up: 1,
  http: 64,
  churn: 16,
};
/** Several streams, because the rate of a single stream over a path with losses varies much. */
const LOSS_STREAMS = 8;
