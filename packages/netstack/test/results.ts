/**
 * The files for the figures of the long form of tests: `test/results/NAME.json`.
 *
 * @module
 */
import { join } from 'node:path';
import { recordFigures } from '@litz/testkit';

/** Writes the figures of a case to the file `NAME.json`, in the long form only. */
export function record(
  name: string,
  testCase: string,
  figures: Readonly<Record<string, unknown>>,
): void {
  recordFigures(join(import.meta.dirname, 'results', `${name}.json`), testCase, figures);
}
