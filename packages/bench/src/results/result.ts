/**
 * A result file: figures, their subjects, and the machine. Every benchmark writes the same shape,
 * so one generator makes all tables and charts.
 *
 * @module
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from './environment.ts';

/** The benchmarks that write a result file. */
export const BENCHES = [
  'suites',
  'peers',
  'ends',
  'handshake',
  'flood',
  'scale',
  'threads',
  'start',
  'garbage',
  'nodes',
  'rotation',
  'exchange',
  'rollout',
  'mesh',
  'sockets',
] as const;
export type BenchName = (typeof BENCHES)[number];

/** The value of one figure for one subject. */
export interface Measurement {
  /** What was measured: 'AEAD seal, 1420 B'. */
  figure: string;
  /** The implementation or provider: 'litz', 'wireguard-go', 'openssl'. */
  subject: string;
  unit: string;
  /** The value, or the median of several samples. Null: there is no value; `note` says why. */
  value: number | null;
  /** The samples in the order in which they were taken. */
  samples?: number[];
  note?: string;
}

export interface Result {
  bench: BenchName;
  environment: Environment;
  /** The settings of the benchmark, such as rounds, seconds and sizes. */
  settings: Record<string, string | number>;
  measurements: Measurement[];
}

/** The folder of the result files: `packages/bench/results`. */
export const RESULTS_DIRECTORY: string = join(import.meta.dirname, '../../results');

/** Writes `<bench>.json` and returns its path. */
export function writeResult(result: Result, directory: string = RESULTS_DIRECTORY): string {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, `${result.bench}.json`);
  writeFileSync(path, `${JSON.stringify(result, rounded, 2)}\n`);
  return path;
}

/** Reads `<bench>.json`. Returns undefined if there is no such file. */
export function readResult(
  bench: BenchName,
  directory: string = RESULTS_DIRECTORY,
): Result | undefined {
  let text: string;
  try {
    text = readFileSync(join(directory, `${bench}.json`), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return JSON.parse(text) as Result;
}

/** Rounds a value to `digits` significant digits. */
export function roundTo(value: number, digits: number): number {
  return Number(value.toPrecision(digits));
}

/** Rounds fractions to four significant digits, because a benchmark is not more precise. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? roundTo(value, 4) : value;
}
