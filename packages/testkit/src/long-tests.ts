/**
 * The long form of tests: their larger sizes, and the files for their figures.
 *
 * `pnpm test:stack` sets `LITZ_STACK_LONG`. It takes hours.
 *
 * @module
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname } from 'node:path';

/** Returns `short`, or `long` in the long form. */
export function shortOrLong<T>(short: T, long: T): T {
  return isLong ? long : short;
}

/**
 * Writes figures to the JSON file `file`, in the long form only. The figures of other cases stay in
 * the file. Its folder is made if it is missing.
 */
export function recordFigures(
  file: string,
  testCase: string,
  figures: Readonly<Record<string, unknown>>,
): void {
  if (!isLong) return;
  mkdirSync(dirname(file), { recursive: true });
  const machine = `${cpus().length} x ${cpus()[0]?.model}, Node.js ${process.version}`;
  const cases = { ...readCases(file), [testCase]: figures };
  writeFileSync(file, `${JSON.stringify({ machine, cases }, undefined, 2)}\n`);
}

/** Returns the cases of a file; none if it does not exist or cannot be read. */
function readCases(file: string): Record<string, unknown> {
  try {
    return (JSON.parse(readFileSync(file, 'utf8')) as { cases: Record<string, unknown> }).cases;
  } catch {
    return {};
  }
}

const isLong = process.env['LITZ_STACK_LONG'] === '1';
