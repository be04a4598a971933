/**
 * `KeyWatch`: reads all keys with a prefix, and then follows every change until it is stopped:
 * 1. List the keys, page by page, all at one revision.
 * 2. Watch from the next revision on. Progress messages of etcd move the revision forward.
 * 3. When the watch ends, watch again from the revision after the last reported one. A watch ends
 *    when the connection is cut or silent, or when a member of etcd has lost the other members.
 * 4. When the revision of the watch was compacted, or the server has another history (because it
 *    was restored from a backup, or emptied), list again.
 *
 * A failure is reported. The next attempt follows after a wait with decorrelated jitter.
 *
 * @module
 */
import type { ReadRecord } from '../../record/node-record.ts';
import { DecorrelatedJitter } from '../decorrelated-jitter.ts';
import { sleep, systemClock, type Clock } from '../clock.ts';
import type { EtcdApi, EtcdWatch } from './etcd-client.ts';
import { EtcdError, explainAnswer, GRPC_CODES } from './etcd-error.ts';
import { bytesOf, prefixEnd } from './key-bytes.ts';
import { TimedWatch } from './timed-watch.ts';
import {
  EVENT_DELETED,
  type KeyValue,
  type ResponseHeader,
  type WatchEvent,
  type WatchResponse,
} from './etcd-messages.ts';

export interface KeyList {
  readonly values: ReadonlyMap<string, ListedKey>;
  /** The revision at which the values were read. */
  readonly revision: bigint;
  /**
   * False if the server has lost data that it had reported, or if it belongs to another cluster.
   */
  readonly isSameHistory: boolean;
}

/** A key in a list. The value itself is not kept, because it may have megabytes. */
export interface ListedKey {
  readonly record: ReadRecord;
  /** The lease of the key; 0 if it has none. */
  readonly lease: bigint;
}

/**
 * Receives the changes in the order of their revisions. Each call waits until the previous call has
 * finished.
 */
export interface KeyListener {
  /** Reads the value of a key. The name is the key without the prefix. */
  read(name: string, value: KeyValue): ReadRecord;
  /** Called with all keys by name. A key that is not in the list is gone. */
  onList(list: KeyList): Promise<void>;
  onPut(name: string, value: KeyValue): void;
  /** @param revision the revision of the deletion */
  onDeleted(name: string, revision: bigint): Promise<void>;
  /** Called with what is wrong, or with undefined when nothing is wrong any more. */
  onTrouble(trouble: string | undefined): void;
}

export interface KeyWatchOptions {
  readonly clock?: Clock;
  /** Returns a number from 0 up to, but not including, 1. */
  readonly random?: () => number;
}

export class KeyWatch {
  readonly #api: EtcdApi;
  readonly #prefix: string;
  readonly #listener: KeyListener;
  readonly #clock: Clock;
  readonly #jitter: DecorrelatedJitter;
  readonly #stopped = new AbortController();
  /** All changes up to this revision were reported. Undefined if a list is needed first. */
  #revision: bigint | undefined;
  /** The cluster of the last list, and the highest revision seen. */
  #history: { readonly clusterId: bigint; revision: bigint } | undefined;
  /** How many keys a page of a list has. The number falls if values are too large. */
  #page = PAGE;
  #watch: EtcdWatch | undefined;
  #ended: Promise<void> = Promise.resolve();

  /** @param prefix the prefix of the keys */
  constructor(
    api: EtcdApi,
    prefix: string,
    listener: KeyListener,
    { clock = systemClock, random = Math.random }: KeyWatchOptions = {},
  ) {
    this.#api = api;
    this.#prefix = prefix;
    this.#listener = listener;
    this.#clock = clock;
    this.#jitter = new DecorrelatedJitter({ base: 500, cap: 10_000, random });
  }

  start(): void {
    this.#ended = this.#run();
  }

  /**
   * Stops following the keys. Resolves when no request is in progress. The caller must close the
   * client first.
   */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#watch?.close();
    await this.#ended;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      const wait = await this.#round();
      if (wait > 0) await sleep(this.#clock, wait, signal);
    }
  }

  /**
   * Lists the keys if a list is needed, then watches once.
   *
   * @returns how long to wait before the next call, in milliseconds
   */
  async #round(): Promise<number> {
    const startedAt = this.#clock.now();
    try {
      if (this.#revision === undefined) await this.#list();
      await this.#follow();
      // A server may end every watch right after its start. The wait prevents a busy loop.
      return this.#clock.now() - startedAt < SETTLED_MS ? this.#jitter.next() : 0;
    } catch (error) {
      return this.#stopped.signal.aborted ? 0 : this.#failed(error);
    }
  }

  async #list(): Promise<void> {
    const values = new Map<string, ListedKey>();
    const rangeEnd = prefixEnd(this.#prefix);
    let key = bytesOf(this.#prefix);
    let header: ResponseHeader | undefined;
    let count = 0;
    for (;;) {
      const page = await this.#api.range({
        key,
        rangeEnd,
        limit: this.#page,
        ...(header && { revision: header.revision }),
      });
      header ??= checkedHeader(page.header ?? { clusterId: 0n, revision: 0n });
      count += page.kvs.length;
      if (count > MOST_KEYS) throw endlessListError();
      for (const value of page.kvs) {
        const name = this.#nameOf(value.key);
        values.set(name, { record: this.#listener.read(name, value), lease: value.lease });
      }
      const last = page.kvs.at(-1);
      if (!page.more || !last) break;
      const next = Buffer.concat([last.key, Uint8Array.of(0)]);
      if (next.compare(key) <= 0) throw endlessListError();
      key = next;
    }
    if (this.#stopped.signal.aborted) return;
    const isSameHistory = this.#isSame(header);
    this.#listener.onTrouble(undefined);
    await this.#listener.onList({ values, revision: header.revision, isSameHistory });
    this.#history = { ...header };
    this.#revision = header.revision;
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stopped;
    if (signal.aborted) return;
    const watch = await this.#api.watch({
      key: bytesOf(this.#prefix),
      rangeEnd: prefixEnd(this.#prefix),
      startRevision: this.#revision! + 1n,
      progressNotify: true,
      fragment: true,
    });
    this.#watch = watch;
    const timed = new TimedWatch(watch, this.#clock);
    // etcd may end a watch right after its start, so a watch counts as working only after a while.
    const cancel = this.#clock.after(SETTLED_MS, () => this.#settled());
    try {
      for (;;) {
        if (signal.aborted) return;
        const response = await timed.next();
        if (!response || signal.aborted) return;
        if (!(await this.#take(response))) return;
      }
    } finally {
      cancel();
      timed.end();
      watch.close();
    }
  }

  /** @returns true if the watch continues */
  async #take(response: WatchResponse): Promise<boolean> {
    const { header, created, canceled, compactRevision, cancelReason, fragment, events } = response;
    if (compactRevision > 0n) {
      // This is not a failure: the agent was disconnected for too long.
      this.#revision = undefined;
      return false;
    }
    if (canceled) throw canceledError(cancelReason);
    if (header) checkedHeader(header);
    if (created && header && !this.#isSame(header)) {
      // A server with another history would wait until it reaches the old revision, and report
      // nothing until then.
      this.#revision = undefined;
      return false;
    }
    for (const event of events) await this.#report(event);
    if (created) return true;
    this.#settled();
    if (header && response.watchId >= 0n && !fragment) this.#moveTo(header.revision);
    return true;
  }

  async #report({ type, kv }: WatchEvent): Promise<void> {
    if (!kv) return;
    checkRevision(kv.modRevision);
    // One revision may change several keys, so more events of this revision may follow.
    this.#moveTo(kv.modRevision - 1n);
    const name = this.#nameOf(kv.key);
    if (type === EVENT_DELETED) await this.#listener.onDeleted(name, kv.modRevision);
    else this.#listener.onPut(name, kv);
  }

  #moveTo(revision: bigint): void {
    if (revision > this.#revision!) this.#revision = revision;
    if (this.#history && revision > this.#history.revision) this.#history.revision = revision;
  }

  /** Returns true if the server still has everything that it had reported. */
  #isSame({ clusterId, revision }: ResponseHeader): boolean {
    const before = this.#history;
    if (!before) return true;
    return before.clusterId === clusterId && before.revision <= revision;
  }

  #nameOf(key: Uint8Array): string {
    const name = Buffer.from(key).toString('utf8').slice(this.#prefix.length);
    return name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name;
  }

  #settled(): void {
    this.#jitter.reset();
    this.#listener.onTrouble(undefined);
  }

  #failed(error: unknown): number {
    const isTooLarge = error instanceof EtcdError && error.isTooLarge;
    if (isTooLarge && this.#revision === undefined) this.#page = this.#page / 8n || 1n;
    if (isTooLarge || (error instanceof EtcdError && error.isCompacted)) this.#revision = undefined;
    else this.#listener.onTrouble(error instanceof Error ? error.message : String(error));
    return this.#jitter.next();
  }
}

/** @throws {EtcdError} etcd cannot have this revision */
function checkedHeader(header: ResponseHeader): ResponseHeader {
  checkRevision(header.revision);
  return header;
}

function checkRevision(revision: bigint): void {
  if (revision >= 0n && revision <= MOST_REVISION) return;
  throw new EtcdError(GRPC_CODES.unavailable, `etcd has an impossible revision: ${revision}`);
}

function endlessListError(): EtcdError {
  const message = `the list of keys repeats itself or has more than ${MOST_KEYS} keys`;
  return new EtcdError(GRPC_CODES.unavailable, message);
}

function canceledError(reason: string): EtcdError {
  const code = reason.includes('permission denied')
    ? GRPC_CODES.permissionDenied
    : GRPC_CODES.unavailable;
  const said = reason === '' ? 'etcd ended the watch' : explainAnswer(code, reason);
  return new EtcdError(code, said);
}

const PAGE = 500n;
/** The most keys in a list: ten times as many as the nodes of the largest tested mesh. */
const MOST_KEYS = 50_000;
/**
 * The highest revision that is accepted. No real etcd reaches it, because revisions begin at 1 and
 * rise by 1 with each change. After a revision of 2^63 - 1, no watch could begin, because the next
 * number would not fit in an `int64`.
 */
const MOST_REVISION: bigint = 2n ** 62n;
/** In characters. The longest name of a node. */
const LONGEST_NAME = 253;
/** In milliseconds. A watch that has been open for this time counts as working. */
const SETTLED_MS = 1000;
