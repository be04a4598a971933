/**
 * `RecordReporter`: passes a registry's records to its listener and remembers them. `record`
 * reports a record only if it is new or has changed. `sync` passes on a whole list, and reports
 * each record that is missing from the list as gone.
 *
 * @module
 */
import { isDeepStrictEqual } from 'node:util';
import { RecordError, type ReadRecord } from '../record/node-record.ts';
import type { RegistryListener } from './registry.ts';

export type GoneReason = 'deleted' | 'expired';

export class RecordReporter {
  readonly #listener: RegistryListener;
  /** The records as they were reported. A revoked node has no entry. */
  #reported = new Map<string, ReadRecord>();
  readonly #revoked = new Set<string>();
  /** The trouble of the connection, and the trouble that was reported last. */
  #ofConnection: string | undefined;
  #trouble: string | undefined;
  #hasTooMany = false;
  #isClosed = false;

  constructor(listener: RegistryListener) {
    this.#listener = listener;
  }

  /** The registry's records, as they were reported. */
  get reported(): ReadonlyMap<string, ReadRecord> {
    return this.#reported;
  }

  /**
   * Reports a complete list of records. A list with more than `MOST_RECORDS` records is ignored,
   * and the records that were reported before stay.
   *
   * @param why returns why a record that was reported before is missing from the list
   */
  sync(records: ReadonlyMap<string, ReadRecord>, why: (name: string) => GoneReason): void {
    if (this.#isClosed) return;
    this.#hasTooMany = records.size > MOST_RECORDS;
    this.#sayTrouble();
    if (this.#hasTooMany) return;
    for (const name of this.#reported.keys()) if (!records.has(name)) this.gone(name, why(name));
    for (const name of this.#revoked) if (!records.has(name)) this.#revoked.delete(name);
    const living = new Map<string, ReadRecord>();
    for (const [name, record] of records) {
      if (isRevoked(record)) this.#revoke(name);
      else living.set(name, record);
    }
    for (const name of living.keys()) this.#revoked.delete(name);
    this.#reported = living;
    this.#listener.onSync(new Map(living));
  }

  /**
   * Reports a record if it is new or has changed. A new record is ignored if there are
   * `MOST_RECORDS` already.
   */
  record(name: string, record: ReadRecord): void {
    if (this.#isClosed) return;
    if (isRevoked(record)) return this.#revoke(name);
    this.#revoked.delete(name);
    if (isSame(this.#reported.get(name), record)) return;
    if (this.#reported.size >= MOST_RECORDS && !this.#reported.has(name)) {
      this.#hasTooMany = true;
      return this.#sayTrouble();
    }
    this.#reported.set(name, record);
    this.#listener.onRecord(name, record);
  }

  /** Reports that a record is gone. Does nothing if no record of this node was reported. */
  gone(name: string, why: GoneReason): void {
    this.#revoked.delete(name);
    if (this.#isClosed || !this.#reported.delete(name)) return;
    this.#listener.onGone(name, why);
  }

  /**
   * Reports the state of the connection if it has changed. `trouble` is undefined while the
   * registry works.
   */
  connection(trouble: string | undefined): void {
    this.#ofConnection = trouble;
    this.#sayTrouble();
  }

  /** Stops all reports. */
  close(): void {
    this.#isClosed = true;
  }

  #sayTrouble(): void {
    const trouble = this.#ofConnection ?? (this.#hasTooMany ? TOO_MANY : undefined);
    if (this.#isClosed || trouble === this.#trouble) return;
    this.#trouble = trouble;
    this.#listener.onConnection(trouble);
  }

  /**
   * Reports that a node was revoked, even if no record of the node was reported. The listener may
   * remember the node from before a restart.
   */
  #revoke(name: string): void {
    if (this.#revoked.has(name)) return;
    this.#revoked.add(name);
    this.#reported.delete(name);
    this.#listener.onGone(name, 'deleted');
  }
}

function isRevoked(record: ReadRecord): boolean {
  return !(record instanceof RecordError) && record.revoked;
}

function isSame(a: ReadRecord | undefined, b: ReadRecord): boolean {
  if (a === undefined) return false;
  if (a instanceof RecordError || b instanceof RecordError) {
    return a instanceof RecordError && b instanceof RecordError && a.message === b.message;
  }
  return isDeepStrictEqual(a, b);
}

/**
 * The most records that are accepted: four times as many as the nodes of the largest tested mesh.
 * Each record takes a few kilobytes.
 */
export const MOST_RECORDS = 20_000;
const TOO_MANY = `the registry has more than ${MOST_RECORDS} records; the others are not read`;
