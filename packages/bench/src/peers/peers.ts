/**
 * `measurePeers`: Litz and other implementations in turn, several rounds, and the medians.
 *
 * The machine's mood changes by the minute: within a round every implementation has its turn, and each
 * round begins with another one. Both ends, iperf3 and ping share the cores, as in the targets.
 *
 * @module
 */
import type { Measurement } from '../results/result.ts';
import { median } from '../results/statistics.ts';
import { killRunningCommands, missingProgram } from './command.ts';
import { sampleFigures, type FigureName, type Sample } from './figures.ts';
import type { Implementation } from './implementation.ts';
import { closeNamespacePairs } from './namespace-pair.ts';
import { removeSockets, Tunnel } from './tunnel.ts';

export interface PeersSettings {
  implementations: readonly Implementation[];
  rounds: number;
  /** Of one transfer. */
  seconds: number;
  figures: readonly FigureName[];
}

export interface PeersOutcome {
  measurements: Measurement[];
  /** `name: reason` of the implementations that are not here. */
  skipped: string[];
  /** `name: reason` of those that are here and did not run through. */
  failed: string[];
}

/** Everything it made is gone afterwards, also when the process is told to end in between. */
export async function measurePeers(
  settings: PeersSettings,
  progress: (text: string) => void,
): Promise<PeersOutcome> {
  const skipped = new Map<string, string>();
  const present = settings.implementations.filter((implementation) => {
    const reason = missingTools() ?? implementation.missing();
    if (reason !== undefined) skipped.set(implementation.name, reason);
    return reason === undefined;
  });
  for (const [name, reason] of skipped) progress(`${name}: skipped: ${reason}`);
  const restore = cleanUpOnSignals();
  try {
    const table = new SampleTable();
    const failed = await runRounds(settings, present, table, progress);
    return {
      measurements: table.measurements([...failed, ...skipped]),
      skipped: texts(skipped),
      failed: texts(failed),
    };
  } finally {
    restore();
    releaseAll();
  }
}

/** An implementation that failed has no further turns. Returns why, by its name. */
async function runRounds(
  { rounds, seconds, figures }: PeersSettings,
  present: readonly Implementation[],
  table: SampleTable,
  progress: (text: string) => void,
): Promise<Map<string, string>> {
  const failed = new Map<string, string>();
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < present.length; turn++) {
      const implementation = present[(round + turn) % present.length]!;
      if (failed.has(implementation.name)) continue;
      progress(`round ${round + 1} of ${rounds}: ${implementation.name}`);
      try {
        const samples = await takeTurn(implementation, figures, seconds);
        table.add(implementation.name, samples);
        for (const { figure, value, unit } of samples) {
          progress(`  ${figure}: ${value.toPrecision(4)} ${unit}`);
        }
      } catch (error) {
        failed.set(implementation.name, (error as Error).message);
        progress(`  failed: ${(error as Error).message}`);
      }
    }
  }
  return failed;
}

async function takeTurn(
  implementation: Implementation,
  figures: readonly FigureName[],
  seconds: number,
): Promise<Sample[]> {
  const tunnel = await Tunnel.open(implementation);
  try {
    return await sampleFigures(tunnel, figures, seconds);
  } finally {
    await tunnel.close();
  }
}

/** Samples by figure and implementation, both in the order they came first. */
class SampleTable {
  readonly #figures: Map<string, { unit: string; samples: Map<string, number[]> }> = new Map();

  add(subject: string, samples: readonly Sample[]): void {
    for (const { figure, unit, value } of samples) {
      const row = this.#figures.get(figure) ?? { unit, samples: new Map<string, number[]>() };
      this.#figures.set(figure, row);
      row.samples.set(subject, [...(row.samples.get(subject) ?? []), value]);
    }
  }

  /** @param absent implementations without a sample, and why */
  measurements(absent: readonly (readonly [string, string])[]): Measurement[] {
    return [...this.#figures].flatMap(([figure, { unit, samples }]) => [
      ...[...samples].map(([subject, taken]): Measurement => ({
        figure,
        subject,
        unit,
        value: median(taken),
        samples: taken,
      })),
      ...absent
        .filter(([subject]) => !samples.has(subject))
        .map(([subject, note]): Measurement => ({ figure, subject, unit, value: null, note })),
    ]);
  }
}

/** Namespaces and programs outlive this process otherwise. Returns how to stop minding signals. */
function cleanUpOnSignals(): () => void {
  process.on('SIGINT', endNow).on('SIGTERM', endNow);
  return () => {
    process.off('SIGINT', endNow).off('SIGTERM', endNow);
  };
}

function endNow(signal: NodeJS.Signals): void {
  releaseAll();
  process.exit(signal === 'SIGINT' ? 130 : 143);
}

function releaseAll(): void {
  killRunningCommands();
  removeSockets();
  closeNamespacePairs();
}

function missingTools(): string | undefined {
  return (
    missingProgram('ip', ['-V']) ??
    missingProgram('iperf3', ['--version']) ??
    missingProgram('ping', ['-V'])
  );
}

function texts(reasons: ReadonlyMap<string, string>): string[] {
  return Array.from(reasons, ([name, reason]) => `${name}: ${reason}`);
}
