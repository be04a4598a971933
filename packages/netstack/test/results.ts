/**
 * The long form of the tests: their larger sizes, and the files for their figures.
 *
 * `pnpm test:stack` sets `LITZ_STACK_LONG`, which takes hours and writes `test/results/NAME.json`.
 *
 * @module
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';

export const isLong: boolean = process.env['LITZ_STACK_LONG'] === '1';

/** Returns `short`, or `long` in the long form. */
export function shortOrLong<T>(short: T, long: T): T {
  return isLong ? long : short;
}

/**
 * Writes figures to a file, in the long form only. A later run replaces the figures of the same
 * case.
 */
export function record(name: string, testCase: string, figures: Record<string, unknown>): void {
  if (!isLong) return;
  mkdirSync(FOLDER, { recursive: true });
  const file = join(FOLDER, `${name}.json`);
  const machine = `${cpus().length} x ${cpus()[0]?.model}, Node.js ${process.version}`;
  const cases = { ...read(file), [testCase]: figures };
  writeFileSync(file, `${JSON.stringify({ machine, cases }, undefined, 2)}\n`);
}

function read(file: string): Record<string, unknown> {
  try {
    return (JSON.parse(readFileSync(file, 'utf8')) as { cases: Record<string, unknown> }).cases;
  } catch {
    return {};
  }
}

const FOLDER = join(import.meta.dirname, 'results');
