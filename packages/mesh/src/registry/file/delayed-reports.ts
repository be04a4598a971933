/**
 * `DelayedReports`: delays reports about bad and missing records, because a program may be in the
 * middle of a change. A bad record is reported when two polled scans in a row have found the same
 * error. (Polled scans are about two seconds apart. Other scans follow a change.) A missing record
 * is reported when two scans in a row have not found it.
 *
 * @module
 */
import { RecordError, type ReadRecord } from '../../record/node-record.ts';

export class DelayedReports {
  /** The messages of the bad records in the last polled scan, by node name. */
  #bad = new Map<string, string>();
  #missing = new Set<string>();

  /** True if a record was missing in the last scan, but not in the scan before. */
  get isMissing(): boolean {
    return this.#missing.size > 0;
  }

  /**
   * Returns the records that can be reported. A record whose report is delayed is replaced by the
   * record that was reported before, or left out if there is none.
   */
  reportable(
    records: ReadonlyMap<string, ReadRecord>,
    reported: ReadonlyMap<string, ReadRecord>,
    isPolled: boolean,
  ): ReadonlyMap<string, ReadRecord> {
    const bad = new Map<string, string>();
    const reportable = new Map<string, ReadRecord>();
    for (const [name, record] of records) {
      const before = reported.get(name);
      if (!(record instanceof RecordError) || before instanceof RecordError) {
        reportable.set(name, record);
        continue;
      }
      bad.set(name, record.message);
      if (isPolled && this.#bad.get(name) === record.message) reportable.set(name, record);
      else if (before) reportable.set(name, before);
    }
    if (isPolled) this.#bad = bad;
    return reportable;
  }

  /** Returns the names of the nodes whose record was missing in two scans in a row. */
  confirmedMissing(
    records: ReadonlyMap<string, ReadRecord>,
    reported: ReadonlyMap<string, ReadRecord>,
  ): readonly string[] {
    const missing = [...reported.keys()].filter((name) => !records.has(name));
    const confirmed = missing.filter((name) => this.#missing.has(name));
    this.#missing = new Set(missing.filter((name) => !this.#missing.has(name)));
    return confirmed;
  }
}
