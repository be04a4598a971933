/**
 * `measureRotation`, `measureExchange`: measure the loss in a numbered stream while static keys are
 * replaced.
 *
 * ```
 *   a: 10.9.0.1  <--- one packet per millisecond, both ways --->  b: 10.9.0.2
 * ```
 * If both ends are Litz, each of them knows the old key and the new key of the other for a while.
 * Any other implementation has one key per peer, and one command exchanges this key. The exchange
 * is measured while the other implementation sends packets, and while it is silent. A silent end
 * uses the new key only when Litz initiates again.
 *
 * @module
 */
import { withCleanUp } from '../peers/clean-up.ts';
import type { Implementation } from '../peers/implementation.ts';
import { missingNamespaces, NamespacePair } from '../peers/namespace-pair.ts';
import { ping } from '../peers/ping.ts';
import { INNER } from '../peers/tunnel.ts';
import type { Measurement } from '../results/result.ts';
import { median, quantile } from '../results/statistics.ts';
import { NumberStream, type StreamFigures } from './number-stream.ts';
import { KernelEnd } from './kernel-end.ts';
import { KernelGuest } from './kernel-guest.ts';
import { longestGaps } from './longest-gaps.ts';
import { RotatingEnd, type ExchangingEnd } from './rotating-end.ts';
import { timeOfAll } from './time-of-all.ts';

export interface RotationSettings {
  readonly litz: Implementation;
  /** Rotations of each kind between two ends with Litz. */
  readonly rotations: number;
  /** The least number of packets in each direction while one key is replaced. */
  readonly packets: number;
}

/** Another implementation, which has one key per peer. */
export interface ExchangePeer {
  readonly name: string;
  /** Returns why it cannot run on this machine; undefined if it can. */
  missing(): string | undefined;
  /** Returns an end that has not been started yet. */
  open(namespaces: NamespacePair): ExchangingEnd;
}

/** The WireGuard of a Linux kernel, in a virtual machine that is emulated in software. */
export const KERNEL: ExchangePeer = {
  name: 'kernel',
  missing: () => KernelGuest.missing(),
  open: (namespaces) => new KernelEnd(namespaces),
};

/** Returns an `ExchangePeer` for a program that serves UAPI. */
export function exchangePeer(implementation: Implementation): ExchangePeer {
  return {
    name: implementation.name,
    missing: () => implementation.missing(),
    open: (namespaces) => new RotatingEnd(implementation, namespaces, 'b'),
  };
}

/**
 * What is measured with a peer: exchanges while it sends packets, exchanges while it is silent, and
 * a stream with no exchange.
 */
export const EXCHANGE_KINDS = ['packets both ways', 'silent', 'no exchange'] as const;
export type ExchangeKind = (typeof EXCHANGE_KINDS)[number];

export interface ExchangeSettings {
  readonly litz: Implementation;
  readonly peers: readonly ExchangePeer[];
  /** What is measured with each of `peers`. */
  readonly kinds: readonly ExchangeKind[];
  /** The number of exchanges of each kind with each of `peers`. */
  readonly exchanges: number;
  /** The least number of packets in each direction while one key is exchanged. */
  readonly packets: number;
}

export interface RotationOutcome {
  readonly measurements: Measurement[];
  /** `subject: reason` of the measurements that failed. */
  readonly failed: string[];
}

/** Measures rotations between two ends with Litz. Removes everything that it made. */
export async function measureRotation(
  settings: RotationSettings,
  progress: (text: string) => void,
): Promise<RotationOutcome> {
  return measureRuns(settings.litz, rotationsOf(settings), progress);
}

/**
 * Measures exchanges of a key that another implementation knows. Removes everything that it made.
 */
export async function measureExchange(
  settings: ExchangeSettings,
  progress: (text: string) => void,
): Promise<RotationOutcome> {
  return measureRuns(settings.litz, exchangesOf(settings), progress);
}

async function measureRuns(
  litz: Implementation,
  runs: readonly Run[],
  progress: (text: string) => void,
): Promise<RotationOutcome> {
  const measurements: Measurement[] = [];
  const failed: string[] = [];
  const missing = missingNamespaces() ?? litz.missing();
  await withCleanUp(async () => {
    for (const run of runs) {
      const absent = missing ?? run.missing();
      const { subject } = run;
      progress(absent === undefined ? subject : `${subject}: skipped: ${absent}`);
      if (absent !== undefined) continue;
      try {
        const figures = await run.measure();
        const { rotations } = run;
        progress(`  ${rotations} times: ${JSON.stringify(figures)}`);
        measurements.push(...measurementsOf(subject, rotations, figures));
      } catch (error) {
        failed.push(`${subject}: ${(error as Error).message}`);
        progress(`  failed: ${(error as Error).message}`);
      }
    }
  });
  return { measurements, failed };
}

/** One measurement: keys are replaced repeatedly during one stream. */
interface Run {
  readonly subject: string;
  readonly rotations: number;
  missing(): string | undefined;
  measure(): Promise<RunFigures>;
}

interface RunFigures extends Omit<StreamFigures, 'gaps'> {
  /**
   * For each rotation, the longest gap that ended between the start of this rotation and the start
   * of the next one.
   */
  readonly gapsMs: readonly number[];
}

interface RunOptions<End extends ExchangingEnd> {
  readonly rotations: number;
  /** Whether the peer also sends packets to Litz. */
  readonly isBothWays: boolean;
  /** The least number of packets of the stream during one rotation. */
  readonly packets: number;
  /** Returns the peer of Litz. */
  readonly open: (namespaces: NamespacePair) => End;
  readonly rotate: (a: RotatingEnd, b: End) => Promise<void>;
}

function rotationsOf({ litz, rotations, packets }: RotationSettings): Run[] {
  const runOf = (kind: string, rotate: (a: RotatingEnd, b: RotatingEnd) => Promise<void>): Run => ({
    subject: `${litz.name}: ${kind}`,
    rotations,
    missing: () => litz.missing(),
    measure: () =>
      stream(litz, {
        rotations,
        packets,
        isBothWays: true,
        open: (namespaces) => new RotatingEnd(litz, namespaces, 'b'),
        rotate,
      }),
  });
  return [
    runOf('one end', (a, b) => replace([[a, b]])),
    runOf('the other end', (a, b) => replace([[b, a]])),
    runOf('both ends', (a, b) =>
      replace([
        [a, b],
        [b, a],
      ]),
    ),
  ];
}

function exchangesOf({ litz, peers, kinds, exchanges, packets }: ExchangeSettings): Run[] {
  return peers.flatMap((peer): Run[] =>
    kinds.map((kind) => ({
      subject: `${peer.name}: ${kind}`,
      rotations: kind === 'no exchange' ? 0 : exchanges,
      missing: () => peer.missing(),
      measure: () =>
        stream(litz, {
          rotations: exchanges,
          packets,
          isBothWays: kind !== 'silent',
          open: (namespaces) => peer.open(namespaces),
          rotate: EXCHANGES[kind],
        }),
    })),
  );
}

/**
 * Replaces the key of one end, or of both at once. Each pair consists of the owner of a key and the
 * peer of this owner.
 */
async function replace(
  ends: readonly (readonly [owner: RotatingEnd, peer: RotatingEnd])[],
): Promise<void> {
  for (const [owner] of ends) owner.prepare();
  await Promise.all(ends.map(([owner, peer]) => peer.learn(owner)));
  await Promise.all(ends.map(([owner]) => owner.begin()));
  await Promise.all(ends.map(([owner]) => owner.untilAnswered()));
  for (const [owner, peer] of ends) await owner.complete(peer);
}

/**
 * Replaces the key of `a`. `b` knows only one key of `a` at a time.
 *
 * @param persistentKeepalive of `b`, in seconds; 0: `b` stays silent
 */
async function exchange(
  a: RotatingEnd,
  b: ExchangingEnd,
  persistentKeepalive: number,
): Promise<void> {
  a.prepare();
  await a.begin();
  await b.exchange(a, { persistentKeepalive });
  await a.untilAnswered();
  await a.complete();
}

/** Sends a stream while keys are replaced repeatedly, and returns its figures. */
async function stream<End extends ExchangingEnd>(
  litz: Implementation,
  run: RunOptions<End>,
): Promise<RunFigures> {
  const namespaces = await NamespacePair.create();
  const a = new RotatingEnd(litz, namespaces, 'a');
  const b = run.open(namespaces);
  try {
    for (const end of [a, b]) await end.start();
    await a.introduce(b);
    await b.introduce(a);
    await ping(namespaces.a, INNER.b, 5, 0.05);
    const streams = [await streamBetween(a, b)];
    if (run.isBothWays) streams.push(await streamBetween(b, a));
    await pause(START_MS);
    const starts: number[] = [];
    for (let i = 0; i < run.rotations; i++) {
      const end = performance.now() + run.packets;
      starts.push(timeOfAll());
      await run.rotate(a, b);
      await pause(end - performance.now());
    }
    starts.push(timeOfAll());
    const figures: StreamFigures[] = [];
    for (const each of streams) figures.push(await each.end());
    for (const end of [a, b]) end.checkAlive();
    return together(figures, starts);
  } finally {
    await Promise.all([a.close(), b.close()]);
    namespaces.close();
  }
}

function streamBetween(from: ExchangingEnd, to: ExchangingEnd): Promise<NumberStream> {
  return NumberStream.start({
    from: from.namespace,
    to: to.namespace,
    address: INNER[to.side],
  });
}

function together(all: readonly StreamFigures[], starts: readonly number[]): RunFigures {
  return {
    sent: all.reduce((sum, { sent }) => sum + sent, 0),
    lost: all.reduce((sum, { lost }) => sum + lost, 0),
    longestGapMs: Math.max(...all.map(({ longestGapMs }) => longestGapMs)),
    gapsMs: longestGaps(
      all.flatMap(({ gaps }) => gaps),
      starts,
    ),
    longestRunLost: Math.max(...all.map(({ longestRunLost }) => longestRunLost)),
  };
}

function measurementsOf(
  subject: string,
  rotations: number,
  { sent, lost, longestGapMs, longestRunLost, gapsMs }: RunFigures,
): Measurement[] {
  return [
    { figure: 'keys replaced', subject, unit: 'rotations', value: rotations },
    { figure: 'packets sent', subject, unit: 'packets', value: sent },
    { figure: 'packets lost', subject, unit: 'packets', value: lost },
    { figure: 'longest run of lost packets', subject, unit: 'packets', value: longestRunLost },
    { figure: 'longest gap', subject, unit: 'ms', value: longestGapMs },
    { figure: EACH, subject, unit: 'ms', value: median(gapsMs), samples: [...gapsMs] },
    { figure: `${EACH}, 90 %`, subject, unit: 'ms', value: quantile(gapsMs, 0.9) },
  ];
}

async function pause(ms: number): Promise<void> {
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
}

const EXCHANGES: Readonly<
  Record<ExchangeKind, (a: RotatingEnd, b: ExchangingEnd) => Promise<void>>
> = {
  'packets both ways': (a, b) => exchange(a, b, 1),
  silent: (a, b) => exchange(a, b, 0),
  // The gaps of a stream without an exchange are pauses of this machine, or of the emulated one.
  'no exchange': async () => {},
};

/**
 * The figure for gaps. A stream without rotations is divided into parts of the same length. Its
 * figure is the longest gap of each part.
 */
const EACH = 'longest gap of each rotation';
/** Time in ms until the programs of the stream run at their full rate. */
const START_MS = 1000;
