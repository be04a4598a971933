/**
 * `ListAndWatch`: all objects of a kind, and then every change, for ever. The loop of Kubernetes'
 * own clients:
 *
 * 1. list, page by page; the version of the list is where the watch starts;
 * 2. watch from there. Bookmarks move the version on, so that a cut costs no new list;
 * 3. the watch ends (by time, cut, silence): watch again from the last version;
 * 4. the version is too old (410, as an answer or as an event of the watch): list again.
 *
 * A failure is told, and tried again after a wait with decorrelated jitter; a server that says when
 * to come back is obeyed.
 *
 * @module
 */
import { DecorrelatedJitter } from '../decorrelated-jitter.ts';
import { sleep, systemClock, type Clock } from './clock.ts';
import type { KubeApi, Selection } from './kube-api.ts';
import { KubeError, textOfError } from './kube-error.ts';
import type { KubeObject, KubeResource } from './kube-resource.ts';

/** Hears of the objects in the order of the API server. */
export interface ObjectListener<Value> {
  /** All there are, by name. What is not in it is gone. */
  onSync(values: ReadonlyMap<string, Value>): void;
  onObject(name: string, value: Value): void;
  onDeleted(name: string): void;
  /** Undefined when it works again. Said when it changes. */
  onTrouble(trouble: string | undefined): void;
}

export interface ListAndWatchOptions<Value> extends Selection {
  /** What is kept of an object; the object itself is let go. */
  readonly read: (object: KubeObject) => Value;
  readonly clock?: Clock;
  /** From 0 up to, not including, 1. */
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
  /** Empty: only a list tells where to watch from. */
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

  /** Resolves when nothing is under way any more. */
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

  /** A list where one is needed, and one watch. @returns how long to wait before the next one */
  async #round(): Promise<number> {
    const startedAt = this.#clock.now();
    try {
      if (this.#version === '') await this.#list();
      await this.#watch();
      // A proxy that ends every watch at once must not make a hot loop of it.
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
    this.#say(undefined);
    this.#listener.onSync(values);
  }

  async #watch(): Promise<void> {
    const { fieldSelector, labelSelector, read } = this.#options;
    const { signal } = this.#stopped;
    const selection = { fieldSelector, labelSelector, resourceVersion: this.#version };
    const timeoutSeconds = Math.round(WATCH_SECONDS * (1 + this.#random()));
    const events = await this.#api.watch(this.#resource, { ...selection, timeoutSeconds }, signal);
    // That it opened says little: the first event may be an error.
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
    this.#jitter.reset();
    this.#say(undefined);
  }

  #failed(error: unknown): number {
    const isKubeError = error instanceof KubeError;
    if (isKubeError && error.isExpired) {
      // Nothing is wrong: we were away for too long.
      this.#version = '';
      return this.#jitter.next();
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

/** The server is asked to end a watch after one to two times this, so that many don't end together. */
const WATCH_SECONDS = 300;

/** In milliseconds. A watch that stood this long works. */
const SETTLED_AFTER = 1000;
