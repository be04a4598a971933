/**
 * `temporaryDirectory`: a directory that is removed when the test ends, and records in it.
 *
 * @module
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { NodeRecord } from '../../../src/record/node-record.ts';
import { NATIVE_FORMAT, writeRecordText } from '../../../src/record/record-format.ts';

/** Returns the path of a new directory. The folder `nodes` in it does not exist yet. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'litz-records-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

export function textOf(record: NodeRecord): string {
  return writeRecordText(NATIVE_FORMAT, record, undefined)!;
}

export function writeRecord(directory: string, record: NodeRecord): void {
  writeFileSync(join(directory, `${record.name}.json`), textOf(record));
}
