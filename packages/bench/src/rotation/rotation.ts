/**
 * `measureRotation`, `measureExchange`: measure the loss of a stream of numbered packets while
 * static keys are replaced.
 *
 * ```
 *   a: 10.9.0.1  <--- one packet per millisecond, both ways --->  b: 10.9.0.2
 * ```
 * Two ends with Litz both know both keys of the other for a while. Any other implementation has one
 * key per peer, and one request exchanges it. The exchange is measured while the other end sends
 * packets, and while it is silent. A silent end gets no session with the new key before Litz
 * initiates again.
 *
 * @module
 */
import { withCleanUp } from '../peers/clean-up.ts';
import type { Implementation } from '../peers/implementation.ts';
import { missingNamespaces, NamespacePair } from '../peers/namespace-pair.ts';
import { ping } from '../peers/ping.ts';
import { INNER } from '../peers/tunnel.ts';
import type { Measurement } from '../results/result.ts';
import { NumberStream, type StreamFigures } from './number-stream.ts';
import { RotatingEnd } from './rotating-end.ts';

export interface RotationSettings {
  readonly litz: Implementation;
  /** Rotations of each kind between two ends with Litz. */
  readonly rotations: number;
  /** The least number of packets in each direction while one key is replaced. */
  readonly packets: number;
}

export interface ExchangeSettings {
  readonly litz: Implementation;
  /** The other implementations, which have one key per peer. */
  readonly peers: readonly Implementation[];
  /** Exchanges with each of them. */
  readonly exchanges: number;
  /** The least number of packets in each direction while one key is exchanged. */
  readonly packets: number;
}

export interface RotationOutcome {
  readonly measurements: Measurement[];
  /** Why something that is installed was not measured. */
  readonly failed: string[];
}

/**
 * Measures rotations between two ends with Litz. Afterwards it removes everything that it has made.
 */
export async function measureRotation(
  settings: RotationSettings,
  progress: (text: string) => void,
): Promise<RotationOutcome> {
  return measureScenarios(settings.litz, rotationsOf(settings), progress);
}

/**
 * Measures exchanges of a key that another implementation knows. Afterwards it removes everything
 * that it has made.
 */
export async function measureExchange(
  settings: ExchangeSettings,
  progress: (text: string) => void,
): Promise<RotationOutcome> {
  return measureScenarios(settings.litz, exchangesOf(settings), progress);
}

async function measureScenarios(
  litz: Implementation,
  scenarios: readonly Scenario[],
  progress: (text: string) => void,
): Promise<RotationOutcome> {
  const measurements: Measurement[] = [];
  const failed: string[] = [];
  const missing = missingNamespaces() ?? litz.missing();
  await withCleanUp(async () => {
    for (const scenario of scenarios) {
      const absent = missing ?? scenario.peer.missing();
      const subject = `${scenario.peer.name}: ${scenario.kind}`;
      progress(absent === undefined ? subject : `${subject}: skipped: ${absent}`);
      if (absent !== undefined) continue;
      try {
        const figures = await lossDuring(litz, scenario);
        const { rotations } = scenario;
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

interface Scenario {
  /** The implementation at the other end. */
  readonly peer: Implementation;
  readonly kind: string;
  readonly rotations: number;
  /** Whether the other end also sends packets. */
  readonly isBothWays: boolean;
  /** The least number of packets in each direction during one rotation. */
  readonly packets: number;
  /** Does one rotation. */
  readonly rotate: (a: RotatingEnd, b: RotatingEnd) => Promise<void>;
}

function rotationsOf({ litz, rotations, packets }: RotationSettings): Scenario[] {
  const between = { peer: litz, rotations, packets, isBothWays: true };
  return [
    { ...between, kind: 'one end', rotate: (a, b) => replace([[a, b]]) },
    { ...between, kind: 'the other end', rotate: (a, b) => replace([[b, a]]) },
    {
      ...between,
      kind: 'both ends',
      rotate: (a, b) =>
        replace([
          [a, b],
          [b, a],
        ]),
    },
  ];
}

function exchangesOf({ peers, exchanges, packets }: ExchangeSettings): Scenario[] {
  return peers.flatMap((peer): Scenario[] => {
    const common = { peer, rotations: exchanges, packets };
    return [
      {
        ...common,
        kind: 'packets both ways',
        isBothWays: true,
        rotate: (a, b) => exchange(a, b, 1),
      },
      { ...common, kind: 'silent', isBothWays: false, rotate: (a, b) => exchange(a, b, 0) },
    ];
  });
}

/**
 * Replaces the key of one end, or of both at once. Each pair is the owner of the key and its peer.
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
 * Replaces the key of `a`, of which `b` knows only one.
 *
 * @param persistentKeepalive of `b`, in seconds; 0: `b` stays silent
 */
async function exchange(
  a: RotatingEnd,
  b: RotatingEnd,
  persistentKeepalive: number,
): Promise<void> {
  a.prepare();
  await a.begin();
  await b.exchange(a, { persistentKeepalive });
  await a.untilAnswered();
  await a.complete();
}

/** Sends a stream while keys are replaced repeatedly, and returns its figures. */
async function lossDuring(litz: Implementation, scenario: Scenario): Promise<StreamFigures> {
  const namespaces = await NamespacePair.create();
  const a = new RotatingEnd(litz, namespaces, 'a');
  const b = new RotatingEnd(scenario.peer, namespaces, 'b');
  try {
    for (const end of [a, b]) await end.start();
    await a.introduce(b);
    await b.introduce(a);
    await ping(namespaces.a, INNER.b, 5, 0.05);
    const streams = [await streamBetween(a, b)];
    if (scenario.isBothWays) streams.push(await streamBetween(b, a));
    await pause(START_MS);
    for (let i = 0; i < scenario.rotations; i++) {
      // One packet per millisecond.
      const end = performance.now() + scenario.packets;
      await scenario.rotate(a, b);
      await pause(end - performance.now());
    }
    const figures: StreamFigures[] = [];
    for (const each of streams) figures.push(await each.end());
    for (const end of [a, b]) end.checkAlive();
    return combine(figures);
  } finally {
    await Promise.all([a.close(), b.close()]);
    namespaces.close();
  }
}

function streamBetween(from: RotatingEnd, to: RotatingEnd): Promise<NumberStream> {
  return NumberStream.start({
    from: from.namespace,
    to: to.namespace,
    address: INNER[to.side],
  });
}

/** Returns the sums of the packets, and the longest gap and series. */
function combine(all: readonly StreamFigures[]): StreamFigures {
  return {
    sent: all.reduce((sum, { sent }) => sum + sent, 0),
    lost: all.reduce((sum, { lost }) => sum + lost, 0),
    longestGapMs: Math.max(...all.map(({ longestGapMs }) => longestGapMs)),
    longestRunLost: Math.max(...all.map(({ longestRunLost }) => longestRunLost)),
  };
}

function measurementsOf(
  subject: string,
  rotations: number,
  { sent, lost, longestGapMs, longestRunLost }: StreamFigures,
): Measurement[] {
  return [
    { figure: 'keys replaced', subject, unit: 'rotations', value: rotations },
    { figure: 'packets sent', subject, unit: 'packets', value: sent },
    { figure: 'packets lost', subject, unit: 'packets', value: lost },
    { figure: 'longest run of lost packets', subject, unit: 'packets', value: longestRunLost },
    { figure: 'longest gap', subject, unit: 'ms', value: longestGapMs },
  ];
}

async function pause(ms: number): Promise<void> {
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
}

/** Time in ms until both programs run at their full rate. */
const START_MS = 1000;
