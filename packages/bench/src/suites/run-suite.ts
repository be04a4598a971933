/**
 * `runSuite`: checks every case of a suite, then times it with tinybench.
 *
 * @module
 */
import { Bench } from 'tinybench';
import type { Measurement } from '../results/result.ts';
import type { Case, MissingCase } from './case.ts';

/** Times per case in ms. */
export interface SuiteBudget {
  warmUp: number;
  time: number;
}

/**
 * Checks all cases, then measures each. Returns the time of an operation in ns: the median of many
 * samples. A sample is the mean time of the operations of one `run`.
 *
 * @throws {Error} a result differs from the reference; then no case of the suite was timed
 */
export function runSuite(
  cases: readonly (Case | MissingCase)[],
  { warmUp, time }: SuiteBudget,
): Measurement[] {
  for (const entry of cases) if (!('missing' in entry)) checkCase(entry);
  return cases.map((entry) => {
    const { figure, subject } = entry;
    if ('missing' in entry)
      return { figure, subject, unit: 'ns', value: null, note: entry.missing };
    return { figure, subject, unit: 'ns', value: timeCase(entry, warmUp, time) };
  });
}

function checkCase({ figure, subject, check }: Case): void {
  try {
    check();
  } catch (error) {
    const { message } = error as Error;
    throw new Error(`${figure}, ${subject}: ${message}`, { cause: error });
  }
}

function timeCase(
  { figure, operations, prepare, run }: Case,
  warmUp: number,
  time: number,
): number {
  const bench = new Bench({
    throws: true,
    iterations: MINIMUM_SAMPLES,
    warmupIterations: MINIMUM_SAMPLES,
    warmupTime: warmUp,
    time,
  });
  bench.add(figure, () => {
    const begin = bench.now();
    prepare?.();
    const start = bench.now();
    run();
    const end = bench.now();
    return {
      overriddenDuration: (end - start) / operations,
      overriddenIterationCost: end - begin,
    };
  });
  const [task] = bench.runSync();
  const result = task?.result;
  if (!result || !('latency' in result)) throw new Error(`${figure}: ${result?.state}`);
  return result.latency.p50 * 1e6;
}

const MINIMUM_SAMPLES = 8;
