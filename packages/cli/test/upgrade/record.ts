/**
 * `record`: writes the results of a long test of upgrades into a file, with the machine and its
 * load.
 *
 * @module
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';

/** Whether the long tests run (`LITZ_LONG=1`). */
export const LONG: boolean = process.env['LITZ_LONG'] === '1';

/** Writes a file of results if the long tests run. */
export function record(name: string, seen: object): void {
  if (!LONG) return;
  mkdirSync(RESULTS, { recursive: true });
  const machine = `${cpus().length} x ${cpus()[0]?.model}, Node.js ${process.version}`;
  const load = loadavg().map((part) => Math.round(part * 10) / 10);
  const text = JSON.stringify({ machine, load, ...seen }, undefined, 1);
  writeFileSync(join(RESULTS, `${name.replace(/\W/g, '-')}.json`), `${text}\n`);
}

const RESULTS = join(import.meta.dirname, '../../../bench/results/upgrade');
