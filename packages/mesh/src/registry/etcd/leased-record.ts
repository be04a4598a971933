/**
 * `LeasedRecord`: the record of this node in etcd, with a lease that is renewed while the agent
 * runs. If the lease is lost, the record is written again, unless the record was removed on
 * purpose.
 *
 * @module
 */
import type { NodeRecord, ReadRecord } from '../../record/node-record.ts';
import { RecordError } from '../../record/node-record.ts';
import {
  readRecordText,
  revokeRecordText,
  writeRecordText,
  type RecordFormat,
} from '../../record/record-format.ts';
import { DecorrelatedJitter } from '../decorrelated-jitter.ts';
import { systemClock, type Clock } from '../clock.ts';
import type { GoneReason } from '../record-reporter.ts';
import type { EtcdApi } from './etcd-client.ts';
import { EtcdError, GRPC_CODES } from './etcd-error.ts';
import { COMPARE_MOD_REVISION, type KeyValue } from './etcd-messages.ts';
import { bytesOf } from './key-bytes.ts';
import { RecordLease } from './record-lease.ts';

export interface LeasedRecordOptions {
  /** The prefix of the key. */
  readonly prefix: string;
  readonly format: RecordFormat;
  readonly leaseSeconds: number;
  /**
   * Called with the reason why the record cannot be kept in etcd, or with undefined when nothing is
   * wrong any more.
   */
  readonly onTrouble: (trouble: string | undefined) => void;
  readonly clock?: Clock;
  /** Returns a number from 0 up to, but not including, 1. */
  readonly random?: () => number;
}

/** The record of a node in etcd, or the reason why it is gone; undefined if neither is known. */
export type OwnRecordState = ReadRecord | GoneReason | undefined;

export class LeasedRecord {
  readonly #api: EtcdApi;
  readonly #options: LeasedRecordOptions;
  readonly #lease: RecordLease;
  readonly #clock: Clock;
  readonly #jitter: DecorrelatedJitter;
  /** The record that is written again if its lease is lost. */
  #published: NodeRecord | undefined;
  /** The revision of the last write. A state that was seen at an older revision is ignored. */
  #revision = 0n;
  #writing: Promise<void> = Promise.resolve();
  #cancelRetry: () => void = () => {};
  #isClosed = false;

  constructor(api: EtcdApi, options: LeasedRecordOptions) {
    const { clock = systemClock, random = Math.random, leaseSeconds, onTrouble } = options;
    this.#api = api;
    this.#options = options;
    this.#clock = clock;
    this.#jitter = new DecorrelatedJitter({ base: 1000, cap: 30_000, random });
    const onLost = (): void => void this.#putAgain();
    this.#lease = new RecordLease(api, { seconds: leaseSeconds, clock, random, onLost, onTrouble });
  }

  /** The name in the published record. Undefined if this node has no record to keep in etcd. */
  get name(): string | undefined {
    return this.#published?.name;
  }

  /**
   * Writes the record with a lease, unless etcd has the same record already.
   *
   * @throws {Error} the record cannot be written; the message says what is missing
   */
  publish(record: NodeRecord): Promise<void> {
    return this.#inTurn(record.name, () => this.#write(record));
  }

  /**
   * Writes `revoked: true` into the record, and detaches the record from its lease.
   *
   * @throws {Error} the record cannot be written; the message says what is missing
   */
  withdraw(name: string): Promise<void> {
    this.#giveUp();
    return this.#inTurn(name, () => this.#revoke(name));
  }

  /**
   * Takes the state of the record in etcd, as a list or a watch has seen it at a revision. Writes
   * the record again if it has expired, and gives it up if it was removed on purpose.
   */
  seen(sighting: OwnRecordState, revision: bigint): void {
    if (!this.#published || revision < this.#revision) return;
    if (sighting === 'deleted' || isRevoked(sighting)) return this.#giveUp();
    if (sighting !== 'expired') return;
    this.#lease.drop();
    void this.#putAgain();
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelRetry();
    this.#lease.close();
  }

  /**
   * Gives the record up. A record that was removed on purpose is written again only when `publish`
   * is called.
   */
  #giveUp(): void {
    this.#published = undefined;
    this.#cancelRetry();
    this.#lease.drop();
    this.#options.onTrouble(undefined);
  }

  async #putAgain(): Promise<void> {
    const record = this.#published;
    if (!record || this.#isClosed) return;
    this.#cancelRetry();
    try {
      await this.#inTurn(record.name, async () => {
        if (this.#published !== record) return;
        const there = await this.#find(record.name);
        if (there && isRevoked(this.#read(record.name, there))) this.#giveUp();
        else await this.#write(record);
      });
      this.#jitter.reset();
      this.#options.onTrouble(undefined);
    } catch (error) {
      if (this.#isClosed) return;
      this.#options.onTrouble((error as Error).message);
      this.#cancelRetry = this.#clock.after(this.#jitter.next(), () => void this.#putAgain());
    }
  }

  async #write(record: NodeRecord): Promise<void> {
    const { name } = record;
    const wasPublished = this.#published?.name === name;
    let wasThere = false;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const there = await this.#find(name);
      const isOut = there !== undefined && isRevoked(this.#read(name, there));
      // If an administrator has removed or revoked the record meanwhile, it must not be written
      // again.
      if (wasThere ? isOut || !there : wasPublished && isOut) throw removed();
      wasThere ||= there !== undefined && !isOut;
      const before = there && textOf(there);
      const text = writeRecordText(this.#options.format, record, before);
      if (there && text === undefined && (await this.#lease.adopt(there.lease))) {
        this.#revision = there.modRevision;
      } else if (!(await this.#writeWithLease(name, there, text ?? before!))) {
        continue;
      }
      this.#published = record;
      return;
    }
    throw contended();
  }

  async #revoke(name: string): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const there = await this.#find(name);
      if (!there) return;
      const before = textOf(there);
      const text = revokeRecordText(this.#options.format, name, before);
      if (text === undefined && there.lease === 0n) return;
      if (await this.#replace(name, there, { value: text ?? before, lease: 0n })) return;
    }
    throw contended();
  }

  /** @returns false if another writer has changed the key, or if the lease is gone */
  async #writeWithLease(
    name: string,
    there: KeyValue | undefined,
    value: string,
  ): Promise<boolean> {
    const lease = await this.#lease.hold();
    try {
      if (!(await this.#replace(name, there, { value, lease }))) return false;
    } catch (error) {
      if (!(error instanceof EtcdError && error.isLeaseGone)) throw error;
      this.#lease.drop();
      return false;
    }
    // The lease may have been dropped during the write.
    return this.#lease.adopt(lease);
  }

  async #replace(
    name: string,
    there: KeyValue | undefined,
    { value, lease }: { value: string; lease: bigint },
  ): Promise<boolean> {
    const key = bytesOf(this.#options.prefix + name);
    const { succeeded, header } = await this.#api.txn({
      compare: [{ target: COMPARE_MOD_REVISION, key, modRevision: there?.modRevision ?? 0n }],
      success: [{ put: { key, value: bytesOf(value), lease } }],
    });
    if (succeeded && header) this.#revision = header.revision;
    return succeeded;
  }

  async #find(name: string): Promise<KeyValue | undefined> {
    return (await this.#api.range({ key: bytesOf(this.#options.prefix + name) })).kvs[0];
  }

  #read(name: string, value: KeyValue): ReadRecord {
    return readRecordText(this.#options.format, name, textOf(value));
  }

  /** Runs writes one after the other, so that an earlier write never overwrites a later write. */
  #inTurn(name: string, write: () => Promise<void>): Promise<void> {
    const written = this.#writing.then(write).catch((cause: unknown) => {
      const reason = cause instanceof Error ? cause.message : String(cause);
      const message = `${this.#options.prefix}${name} cannot be written in etcd: ${reason}`;
      throw new Error(message, { cause });
    });
    this.#writing = written.catch(() => {});
    return written;
  }
}

/** Decodes the value of a key as UTF-8. Bytes that are not UTF-8 become U+FFFD. */
export function textOf({ value }: KeyValue): string {
  return Buffer.from(value).toString('utf8');
}

function isRevoked(sighting: OwnRecordState): boolean {
  if (typeof sighting !== 'object' || sighting instanceof RecordError) return false;
  return sighting.revoked;
}

function contended(): EtcdError {
  return new EtcdError(GRPC_CODES.unavailable, 'other writers change the key again and again');
}

function removed(): EtcdError {
  return new EtcdError(GRPC_CODES.unavailable, 'the record was removed meanwhile');
}

/** How many times a write is tried if other writers change the key in between. */
const ATTEMPTS = 5;
