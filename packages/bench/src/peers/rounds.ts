/**
 * `alternate`: measures several implementations in turn, in several rounds, and computes the
 * medians.
 *
 * The speed of a machine changes from minute to minute. So each round measures every
 * implementation, and consecutive rounds begin with different implementations.
 *
 * @module
 */
import type { Measurement } from '../results/result.ts';
import { median } from '../results/statistics.ts';
import { withCleanUp } from './clean-up.ts';

export interface Sample {
  figure: string;
  unit: string;
  value: number;
}

/** One of the programs that are measured in turn. */
export interface Measurable {
  readonly name: string;
  /** Returns why it cannot run on this machine; undefined if it can. */
  missing(): string | undefined;
}

export interface Rounds<T extends Measurable> {
  implementations: readonly T[];
  rounds: number;
  /**
   * Why no implementation can be measured on this machine, such as a missing tool. Undefined if
   * nothing prevents it.
   */
  missing?: string | undefined;
  /** Measures one implementation once. */
  take: (implementation: T) => Promise<Sample[]>;
}

export interface RoundsOutcome {
  measurements: Measurement[];
  /** `name: reason` of the implementations that cannot run on this machine. */
  skipped: string[];
  /** `name: reason` of the implementations that failed. */
  failed: string[];
}

/**
 * Runs all rounds. Afterwards it removes namespaces, sockets and programs that are left, even when
 * a signal ends the process.
 */
export async function alternate<T extends Measurable>(
  rounds: Rounds<T>,
  progress: (text: string) => void,
): Promise<RoundsOutcome> {
  const skipped = new Map<string, string>();
  const present = rounds.implementations.filter((implementation) => {
    const reason = rounds.missing ?? implementation.missing();
    if (reason !== undefined) skipped.set(implementation.name, reason);
    return reason === undefined;
  });
  for (const [name, reason] of skipped) progress(`${name}: skipped: ${reason}`);
  const table = new SampleTable();
  const failed = await withCleanUp(() => runRounds(rounds, present, table, progress));
  return {
    measurements: table.measurements([...failed, ...skipped]),
    skipped: texts(skipped),
    failed: texts(failed),
  };
}

/**
 * All samples, by figure and implementation. Figures and implementations are in the order in which
 * they were added.
 */
export class SampleTable {
  readonly #figures: Map<string, { unit: string; samples: Map<string, number[]> }> = new Map();

  add(subject: string, samples: readonly Sample[]): void {
    for (const { figure, unit, value } of samples) {
      const row = this.#figures.get(figure) ?? { unit, samples: new Map<string, number[]>() };
      this.#figures.set(figure, row);
      row.samples.set(subject, [...(row.samples.get(subject) ?? []), value]);
    }
  }

  /**
   * Returns the medians.
   *
   * @param absent the names of the implementations that were skipped or have failed, each with the
   *   reason. If one of them has no sample of a figure, its measurement has the reason, but no
   *   value.
   */
  measurements(absent: readonly (readonly [string, string])[]): Measurement[] {
    return [...this.#figures].flatMap(([figure, { unit, samples }]) => [
      ...Array.from(samples, ([subject, taken]): Measurement => {
        return { figure, subject, unit, value: median(taken), samples: taken };
      }),
      ...absent
        .filter(([subject]) => !samples.has(subject))
        .map(([subject, note]): Measurement => ({ figure, subject, unit, value: null, note })),
    ]);
  }
}

/**
 * Runs the rounds. An implementation that failed is not measured again. Returns the reasons of the
 * failures, by name of the implementation.
 */
async function runRounds<T extends Measurable>(
  { rounds, take }: Rounds<T>,
  present: readonly T[],
  table: SampleTable,
  progress: (text: string) => void,
): Promise<Map<string, string>> {
  const failed = new Map<string, string>();
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < present.length; turn++) {
      const implementation = present[(round + turn) % present.length]!;
      const { name } = implementation;
      if (failed.has(name)) continue;
      progress(`round ${round + 1} of ${rounds}: ${name}`);
      try {
        const samples = await take(implementation);
        table.add(name, samples);
        for (const sample of samples) progress(`  ${textOf(sample)}`);
      } catch (error) {
        failed.set(name, (error as Error).message);
        progress(`  failed: ${(error as Error).message}`);
      }
    }
  }
  return failed;
}

function textOf({ figure, unit, value }: Sample): string {
  return `${figure}: ${value.toPrecision(4)} ${unit}`;
}

function texts(reasons: ReadonlyMap<string, string>): string[] {
  return Array.from(reasons, ([name, reason]) => `${name}: ${reason}`);
}
