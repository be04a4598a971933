/**
 * `ListAndWatch`: reads all objects of a kind, and then follows every change until it is stopped.
 * This is the loop of Kubernetes' own clients:
 * 1. List the objects, page by page.
 * 2. Watch from the version of the list. Bookmark events move the version forward, so that no new
 *    list is needed after the connection was cut.
 * 3. When the watch ends (timeout, cut, silence), watch again from the last version.
 * 4. List again when the version is too old (status 410, in a response or in an event of the
 *    watch). Also list again when the server has refused several watches in a row, because the
 *    version may be from another server.
 *
 * A failure is reported. The next attempt follows after a wait with decorrelated jitter. If the
 * server asks for a pause, the wait is at least that long.
 *
 * @module
 */
import { DecorrelatedJitter } from '../decorrelated-jitter.ts';
import { sleep, systemClock, type Clock } from '../clock.ts';
import type { KubeApi, Selection } from './kube-api.ts';
import { KubeError, textOfError } from './kube-error.ts';
import type { KubeObject, KubeResource } from './kube-resource.ts';

/** Receives the objects, in the order in which the API server reports them. */
export interface ObjectListener<Value> {
  /** Called with all objects by name. An object that is not in the map is gone. */
  onSync(values: ReadonlyMap<string, Value>): void;
  onObject(name: string, value: Value): void;
  onDeleted(name: string): void;
  /** Called when the trouble changes, with undefined when the trouble is over. */
  onTrouble(trouble: string | undefined): void;
}

export interface ListAndWatchOptions<Value> extends Selection {
  /** Returns the value that is kept for an object. The object itself is not kept. */
  readonly read: (object: KubeObject) => Value;
  readonly clock?: Clock;
  /** Returns a number from 0 up to, but not including, 1. */
  readonly random?: () => number;
}

export class ListAndWatch<Value> {
  readonly #api: KubeApi;
  readonly #resource: KubeResource;
  readonly #listener: ObjectListener<Value>;
  readonly #options: ListAndWatchOptions<Value>;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #stopped = new AbortController();
  readonly #jitter: DecorrelatedJitter;
  #trouble: string | undefined;
  /** How many watches in a row the server has refused, perhaps because of the version. */
  #refusedWatches = 0;
  #isVersionSuspect = false;
  /** The version at which the next watch starts. Empty if a list is needed first. */
  #version = '';
  #ended: Promise<void> = Promise.resolve();

  constructor(
    api: KubeApi,
    resource: KubeResource,
    listener: ObjectListener<Value>,
    options: ListAndWatchOptions<Value>,
  ) {
    this.#api = api;
    this.#resource = resource;
    this.#listener = listener;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#jitter = new DecorrelatedJitter({ base: 500, cap: 10_000, random: this.#random });
  }

  start(): void {
    this.#ended = this.#run();
  }

  /** Stops following the objects. Resolves when no request is in progress. */
  async stop(): Promise<void> {
    this.#stopped.abort();
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
   * Lists the objects if a list is needed, then watches once.
   *
   * @returns how long to wait before the next call, in milliseconds
   */
  async #round(): Promise<number> {
    const startedAt = this.#clock.now();
    try {
      if (this.#version === '') await this.#list();
      await this.#watch();
      // A proxy may end every watch right after its start. The wait prevents a busy loop.
      return this.#clock.now() - startedAt < SETTLED_AFTER ? this.#jitter.next() : 0;
    } catch (error) {
      return this.#stopped.signal.aborted ? 0 : this.#failed(error);
    }
  }

  async #list(): Promise<void> {
    const { fieldSelector, labelSelector, read } = this.#options;
    const { signal } = this.#stopped;
    const values = new Map<string, Value>();
    let version = '';
    const pages = this.#api.list(this.#resource, { fieldSelector, labelSelector }, signal);
    for await (const page of pages) {
      for (const object of page.items) values.set(object.metadata.name, read(object));
      version = page.resourceVersion;
    }
    if (signal.aborted) return;
    this.#version = version;
    // After refused watches, only a watch that works can show that the trouble is over.
    if (!this.#isVersionSuspect) this.#say(undefined);
    this.#listener.onSync(values);
  }

  async #watch(): Promise<void> {
    const { fieldSelector, labelSelector, read } = this.#options;
    const { signal } = this.#stopped;
    const selection = { fieldSelector, labelSelector, resourceVersion: this.#version };
    const timeoutSeconds = Math.round(WATCH_SECONDS * (1 + this.#random()));
    const events = await this.#api.watch(this.#resource, { ...selection, timeoutSeconds }, signal);
    // The first event may be an error, so a watch counts as working only after a while.
    const cancel = this.#clock.after(SETTLED_AFTER, () => this.#settled());
    try {
      for await (const { type, object, resourceVersion } of events) {
        if (signal.aborted) return;
        this.#settled();
        this.#version = resourceVersion;
        const { name } = object.metadata;
        if (type === 'DELETED') this.#listener.onDeleted(name);
        else if (type !== 'BOOKMARK') this.#listener.onObject(name, read(object));
      }
    } finally {
      cancel();
    }
  }

  #settled(): void {
    this.#refusedWatches = 0;
    this.#isVersionSuspect = false;
    this.#jitter.reset();
    this.#say(undefined);
  }

  #failed(error: unknown): number {
    const isKubeError = error instanceof KubeError;
    if (isKubeError && error.isExpired) {
      // This is not a failure: the agent was disconnected for too long.
      this.#version = '';
      return this.#jitter.next();
    }
    if (isKubeError && error.mayBeOfVersion && ++this.#refusedWatches >= MOST_REFUSED) {
      this.#refusedWatches = 0;
      this.#isVersionSuspect = true;
      this.#version = '';
    }
    this.#say(textOfError(error));
    return Math.max(this.#jitter.next(), isKubeError ? error.retryAfter : 0);
  }

  #say(trouble: string | undefined): void {
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    this.#listener.onTrouble(trouble);
  }
}

/**
 * In seconds. Each watch asks the server to end it after a random time, between this value and
 * twice this value, so that many watches do not end together.
 */
const WATCH_SECONDS = 300;

/** After this many refused watches in a row, a new list gets the version of the present server. */
const MOST_REFUSED = 5;

/** In milliseconds. A watch that has been open for this time counts as working. */
const SETTLED_AFTER = 1000;
