/**
 * A result file: what was measured, of whom, on what. Every benchmark writes the same shape, so that
 * one generator makes all tables and charts of it.
 *
 * @module
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from './environment.ts';

export const BENCHES = [
  'suites',
  'peers',
  'handshake',
  'scale',
  'threads',
  'garbage',
  'nodes',
  'rotation',
  'rollout',
  'mesh',
] as const;
export type BenchName = (typeof BENCHES)[number];

/** One number: what `figure` is for `subject`. */
export interface Measurement {
  /** What was measured: 'AEAD seal, 1420 B'. */
  figure: string;
  /** Of whom: 'litz', 'wireguard-go', 'openssl'. */
  subject: string;
  unit: string;
  /** Of several samples the median; null: not available, and `note` says why. */
  value: number | null;
  /** In the order they were taken. */
  samples?: number[];
  note?: string;
}

export interface Result {
  bench: BenchName;
  environment: Environment;
  /** How it was run: rounds, seconds, sizes. */
  settings: Record<string, string | number>;
  measurements: Measurement[];
}

/** `packages/bench/results`. */
export const RESULTS_DIRECTORY: string = join(import.meta.dirname, '../../results');

/** Writes `<bench>.json`; returns its path. */
export function writeResult(result: Result, directory: string = RESULTS_DIRECTORY): string {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, `${result.bench}.json`);
  writeFileSync(path, `${JSON.stringify(result, rounded, 2)}\n`);
  return path;
}

/** undefined if it was never written. */
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

/** Four digits say all that a benchmark knows. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? roundTo(value, 4) : value;
}

/** `digits` significant ones. */
export function roundTo(value: number, digits: number): number {
  return Number(value.toPrecision(digits));
}
