/**
 * `HeldBack`: what a scan found and isn't told yet, because somebody may be in the middle of a change:
 * a bad record is told when two polled scans have found the same, a missing one when two scans in a row
 * have missed it.
 *
 * @module
 */
import { RecordError, type ReadRecord } from '../../record/node-record.ts';

export class HeldBack {
  /** Node and message of bad records in the last polled scan. */
  #bad = new Map<string, string>();
  #missing = new Set<string>();

  /** Whether the last scan missed a record for the first time. */
  get isMissing(): boolean {
    return this.#missing.size > 0;
  }

  /** The records that can be told; for one that is held back what was told of it before. */
  badOnes(
    records: ReadonlyMap<string, ReadRecord>,
    told: ReadonlyMap<string, ReadRecord>,
    isPolled: boolean,
  ): ReadonlyMap<string, ReadRecord> {
    const bad = new Map<string, string>();
    const sure = new Map<string, ReadRecord>();
    for (const [name, record] of records) {
      const before = told.get(name);
      if (!(record instanceof RecordError) || before instanceof RecordError) {
        sure.set(name, record);
        continue;
      }
      bad.set(name, record.message);
      if (isPolled && this.#bad.get(name) === record.message) sure.set(name, record);
      else if (before) sure.set(name, before);
    }
    if (isPolled) this.#bad = bad;
    return sure;
  }

  /** The nodes that are gone for good. */
  missingOnes(
    records: ReadonlyMap<string, ReadRecord>,
    told: ReadonlyMap<string, ReadRecord>,
  ): readonly string[] {
    const missing = [...told.keys()].filter((name) => !records.has(name));
    const sure = missing.filter((name) => this.#missing.has(name));
    this.#missing = new Set(missing.filter((name) => !this.#missing.has(name)));
    return sure;
  }
}
