/**
 * `RecordTeller`: stands between a registry and its listener, and remembers what it has told. It tells
 * nothing twice, and of what is missing in a new list it says that it is gone.
 *
 * @module
 */
import { isDeepStrictEqual } from 'node:util';
import { RecordError, type ReadRecord } from '../record/node-record.ts';
import type { RegistryListener } from './registry.ts';

export type GoneReason = 'deleted' | 'expired';

export class RecordTeller {
  readonly #listener: RegistryListener;
  /** As told; a node that is revoked has none. */
  #told = new Map<string, ReadRecord>();
  readonly #revoked = new Set<string>();
  #trouble: string | undefined;
  #isClosed = false;

  constructor(listener: RegistryListener) {
    this.#listener = listener;
  }

  /** What the registry holds, as it was told. */
  get told(): ReadonlyMap<string, ReadRecord> {
    return this.#told;
  }

  /** The whole content. `why` says of a node that was told and is missing why it is gone. */
  sync(records: ReadonlyMap<string, ReadRecord>, why: (name: string) => GoneReason): void {
    if (this.#isClosed) return;
    for (const name of this.#told.keys()) if (!records.has(name)) this.gone(name, why(name));
    for (const name of this.#revoked) if (!records.has(name)) this.#revoked.delete(name);
    const living = new Map<string, ReadRecord>();
    for (const [name, record] of records) {
      if (isRevoked(record)) this.#revoke(name);
      else living.set(name, record);
    }
    for (const name of living.keys()) this.#revoked.delete(name);
    this.#told = living;
    this.#listener.onSync(new Map(living));
  }

  /** One record is new or has changed. */
  record(name: string, record: ReadRecord): void {
    if (this.#isClosed) return;
    if (isRevoked(record)) return this.#revoke(name);
    this.#revoked.delete(name);
    if (isSame(this.#told.get(name), record)) return;
    this.#told.set(name, record);
    this.#listener.onRecord(name, record);
  }

  /** Of a node that nothing was told of, nothing is told. */
  gone(name: string, why: GoneReason): void {
    this.#revoked.delete(name);
    if (this.#isClosed || !this.#told.delete(name)) return;
    this.#listener.onGone(name, why);
  }

  /** Undefined: the registry can be followed. */
  connection(trouble: string | undefined): void {
    if (this.#isClosed || trouble === this.#trouble) return;
    this.#trouble = trouble;
    this.#listener.onConnection(trouble);
  }

  /** Nothing is told any more. */
  close(): void {
    this.#isClosed = true;
  }

  /** Told also of a node that nothing was told of: somebody may remember it from before. */
  #revoke(name: string): void {
    if (this.#revoked.has(name)) return;
    this.#revoked.add(name);
    this.#told.delete(name);
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
