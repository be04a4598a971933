/**
 * `KeyWatch`: all keys with a prefix, and then every change, for ever:
 *
 * 1. list, page by page, at one revision;
 * 2. watch from the revision after it. Progress that etcd tells by itself moves the revision on;
 * 3. the watch ends (cut, silence, a member that is cut off from the others): watch again from the
 *    revision after the last one;
 * 4. that revision is compacted, or the server has another history (restored from a copy, emptied):
 *    list again.
 *
 * A failure is told, and tried again after a wait with decorrelated jitter.
 *
 * @module
 */
import type { ReadRecord } from '../../record/node-record.ts';
import { DecorrelatedJitter } from '../decorrelated-jitter.ts';
import { sleep, systemClock, type Clock } from '../kubernetes/clock.ts';
import type { EtcdApi, EtcdWatch } from './etcd-client.ts';
import { EtcdError, explainAnswer, GRPC_CODES } from './etcd-error.ts';
import {
  EVENT_DELETED,
  type KeyValue,
  type ResponseHeader,
  type WatchEvent,
  type WatchResponse,
} from './etcd-messages.ts';

export interface KeyList {
  readonly values: ReadonlyMap<string, ListedKey>;
  /** As of which the values are. */
  readonly revision: bigint;
  /** False: the server has lost what it was told, or it is another one. */
  readonly isSameHistory: boolean;
}

/** A key as it was listed. The value itself isn't kept: somebody may have put megabytes there. */
export interface ListedKey {
  readonly record: ReadRecord;
  /** 0: none. */
  readonly lease: bigint;
}

/** Hears of the keys in the order of etcd; the next word waits until the last one is taken in. */
export interface KeyListener {
  /** What a key holds. The name is the key without the prefix. */
  read(name: string, value: KeyValue): ReadRecord;
  /** All there are, by their names. What is not in it is gone. */
  onList(list: KeyList): Promise<void>;
  onPut(name: string, value: KeyValue): void;
  /** @param revision of the deletion */
  onDeleted(name: string, revision: bigint): Promise<void>;
  /** Undefined when it works again. */
  onTrouble(trouble: string | undefined): void;
}

export interface KeyWatchOptions {
  readonly clock?: Clock;
  /** From 0 up to, not including, 1. */
  readonly random?: () => number;
}

export class KeyWatch {
  readonly #api: EtcdApi;
  readonly #prefix: string;
  readonly #listener: KeyListener;
  readonly #clock: Clock;
  readonly #jitter: DecorrelatedJitter;
  readonly #stopped = new AbortController();
  /** All up to this one is told; undefined: only a list tells where to watch from. */
  #revision: bigint | undefined;
  /** Of the last list: which cluster, and how far it was. */
  #history: { readonly clusterId: bigint; revision: bigint } | undefined;
  /** Keys of a page. Fewer, where somebody has put large values there. */
  #page = PAGE;
  #watch: EtcdWatch | undefined;
  #ended: Promise<void> = Promise.resolve();

  /** @param prefix of the keys */
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

  /** Resolves when nothing is under way any more; the client must be closed before. */
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

  /** A list where one is needed, and one watch. @returns how long to wait before the next one */
  async #round(): Promise<number> {
    const startedAt = this.#clock.now();
    try {
      if (this.#revision === undefined) await this.#list();
      await this.#follow();
      // Whoever ends every watch at once must not make a hot loop of it.
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
    for (;;) {
      const page = await this.#api.range({
        key,
        rangeEnd,
        limit: this.#page,
        ...(header && { revision: header.revision }),
      });
      header ??= page.header ?? { clusterId: 0n, revision: 0n };
      for (const value of page.kvs) {
        const name = this.#nameOf(value.key);
        values.set(name, { record: this.#listener.read(name, value), lease: value.lease });
      }
      const last = page.kvs.at(-1);
      if (!page.more || !last) break;
      key = Uint8Array.from([...last.key, 0]);
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
    const silence = new Silence(watch, this.#clock);
    // That it opened says little: it may be refused at once.
    const cancel = this.#clock.after(SETTLED_MS, () => this.#settled());
    try {
      for (;;) {
        if (signal.aborted) return;
        const response = await silence.next();
        if (!response || signal.aborted) return;
        if (!(await this.#take(response))) return;
      }
    } finally {
      cancel();
      silence.end();
      watch.close();
    }
  }

  /** @returns whether the watch goes on */
  async #take(response: WatchResponse): Promise<boolean> {
    const { header, created, canceled, compactRevision, cancelReason, fragment, events } = response;
    if (compactRevision > 0n) {
      // Nothing is wrong: we were away for too long.
      this.#revision = undefined;
      return false;
    }
    if (canceled) throw canceledError(cancelReason);
    if (created && header && !this.#isSame(header)) {
      // It would wait for the old revision to come, and tell nothing until then.
      this.#revision = undefined;
      return false;
    }
    for (const event of events) await this.#tell(event);
    if (created) return true;
    this.#settled();
    if (header && response.watchId >= 0n && !fragment) this.#moveTo(header.revision);
    return true;
  }

  async #tell({ type, kv }: WatchEvent): Promise<void> {
    if (!kv) return;
    // One change may be of many keys: of this revision there may be more.
    this.#moveTo(kv.modRevision - 1n);
    const name = this.#nameOf(kv.key);
    if (type === EVENT_DELETED) await this.#listener.onDeleted(name, kv.modRevision);
    else this.#listener.onPut(name, kv);
  }

  #moveTo(revision: bigint): void {
    if (revision > this.#revision!) this.#revision = revision;
    if (this.#history && revision > this.#history.revision) this.#history.revision = revision;
  }

  /** Whether a server knows all that was told of it before. */
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

/** Asks a watch that says nothing for a sign of life, and ends it where none comes. */
class Silence {
  readonly #watch: EtcdWatch;
  readonly #clock: Clock;
  #cancel: () => void = () => {};
  #isSilent = false;

  constructor(watch: EtcdWatch, clock: Clock) {
    this.#watch = watch;
    this.#clock = clock;
  }

  /** @throws {EtcdError} it is silent for too long */
  async next(): Promise<WatchResponse | undefined> {
    this.#cancel();
    this.#cancel = this.#clock.after(ASK_MS, () => {
      this.#watch.askProgress();
      this.#cancel = this.#clock.after(SILENT_MS - ASK_MS, () => {
        this.#isSilent = true;
        this.#watch.close();
      });
    });
    try {
      const response = await this.#watch.next();
      if (!this.#isSilent) return response;
    } catch (error) {
      if (!this.#isSilent) throw error;
    }
    throw new EtcdError(GRPC_CODES.deadlineExceeded, `silent for ${SILENT_MS / 1000} s`);
  }

  end(): void {
    this.#cancel();
  }
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** The first key after all those with the prefix. */
function prefixEnd(prefix: string): Uint8Array {
  const end = bytesOf(prefix);
  end[end.length - 1]!++;
  return end;
}

function canceledError(reason: string): EtcdError {
  const code = reason.includes('permission denied')
    ? GRPC_CODES.permissionDenied
    : GRPC_CODES.unavailable;
  const said = reason === '' ? 'etcd ended the watch' : explainAnswer(code, reason);
  return new EtcdError(code, said);
}

const PAGE = 500n;
/** No node has a longer one. */
const LONGEST_NAME = 253;
/** A watch that stood this long works. */
const SETTLED_MS = 1000;
const ASK_MS = 60_000;
const SILENT_MS = 90_000;
