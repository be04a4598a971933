/**
 * `KubeApi`: the requests to the API server that an agent needs: read one object, list by pages,
 * watch, server-side apply, patch, delete. A request fails with a `KubeError` that says what is
 * missing. The caller decides when to try again.
 *
 * @module
 */
import type http from 'node:http';
import { systemClock, type Clock } from '../clock.ts';
import { forgetCredentials, type KubeAccess } from './kube-access.ts';
import { KubeError } from './kube-error.ts';
import { refusalOf, type Action } from './kube-refusal.ts';
import {
  apiVersionOf,
  asKubeObject,
  fieldsOf,
  fullNameOf,
  pathOf,
  type KubeObject,
  type KubeResource,
} from './kube-resource.ts';
import { KubeTransport, type KubeRequest, type KubeResponse } from './kube-transport.ts';
import { readLines, readText } from './response-text.ts';

/** Options of a `KubeApi`. */
export interface KubeApiOptions {
  readonly clock?: Clock;
  /** In milliseconds. How long a response may be silent. */
  readonly timeout?: number;
  /**
   * In milliseconds. How long a watch may be silent. A healthy watch sends a bookmark each minute.
   */
  readonly silence?: number;
  /** Creates the connections, for tests. */
  readonly agent?: http.Agent;
}

/** Which objects are listed or watched. */
export interface Selection {
  /** For example `metadata.name=node-1`. */
  readonly fieldSelector?: string | undefined;
  /** For example `app=litz`. */
  readonly labelSelector?: string | undefined;
}

/** One page of a list of objects. */
export interface ListPage {
  readonly items: readonly KubeObject[];
  /** The version at which a watch can start. It is the same in all pages of a list. */
  readonly resourceVersion: string;
}

/** One event of a watch. */
export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: KubeObject;
  readonly resourceVersion: string;
}

/** Where a watch begins, and when it ends. */
export interface WatchOptions extends Selection {
  readonly resourceVersion: string;
  /** In seconds. The server ends the watch after this time. */
  readonly timeoutSeconds: number;
}

/** One operation of a JSON patch. `test` makes the whole patch fail if `path` has another value. */
export interface JsonChange {
  readonly op: 'test' | 'remove' | 'add' | 'replace';
  readonly path: string;
  readonly value?: unknown;
}

/** A small client for the API of Kubernetes: read, list, watch, apply, patch and remove. */
export class KubeApi {
  readonly access: KubeAccess;
  readonly #transport: KubeTransport;
  readonly #clock: Clock;
  readonly #timeout: number;
  readonly #silence: number;
  /** How many objects a page of a list has. */
  #pageSize = PAGE;
  /** The abort controllers of the requests in progress. */
  readonly #cuts: Set<AbortController> = new Set();

  constructor(access: KubeAccess, options: KubeApiOptions = {}) {
    this.access = access;
    this.#transport = new KubeTransport(access, options.agent);
    this.#clock = options.clock ?? systemClock;
    this.#timeout = options.timeout ?? 30_000;
    this.#silence = options.silence ?? 90_000;
  }

  /**
   * @returns the object; undefined if it does not exist
   * @throws {KubeError} the request failed
   */
  async read(resource: KubeResource, name: string): Promise<KubeObject | undefined> {
    const path = pathOf(resource, name);
    const answer = await this.#unlessMissing({ verb: 'get', resource, method: 'GET', path });
    return asKubeObject(answer);
  }

  /**
   * Yields all objects, one page at a time. Pages become smaller if one of them is too long.
   *
   * @throws {KubeError} the request failed (`isExpired` is true if the list expired between two
   *   pages), or the list repeats itself or has more than `MOST_OBJECTS` objects
   */
  async *list(
    resource: KubeResource,
    selection: Selection = {},
    signal?: AbortSignal,
  ): AsyncGenerator<ListPage, void, void> {
    let next = '';
    let count = 0;
    for (let pages = 1; ; pages++) {
      const answer = await this.#page(resource, selection, next, signal);
      const items = fieldsOf(answer)?.['items'];
      const metadata = fieldsOf(fieldsOf(answer)?.['metadata']);
      const resourceVersion = metadata?.['resourceVersion'];
      if (!Array.isArray(items) || typeof resourceVersion !== 'string') {
        throw new KubeError(`${this.#name}: the response to a list request is not a list`);
      }
      count += items.length;
      if (count > MOST_OBJECTS || pages > MOST_OBJECTS) throw this.#endless(resource);
      yield {
        items: items.map(asKubeObject).filter((item) => item !== undefined),
        resourceVersion,
      };
      const following = metadata?.['continue'];
      if (typeof following !== 'string' || following === '') return;
      if (following === next) throw this.#endless(resource);
      next = following;
    }
  }

  async #page(
    resource: KubeResource,
    selection: Selection,
    next: string,
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    for (;;) {
      const limit = this.#pageSize;
      const path = `${pathOf(resource)}?${query({ ...selection, limit, continue: next })}`;
      try {
        return await this.#json({ verb: 'list', resource, method: 'GET', path, signal });
      } catch (error) {
        if (!(error instanceof KubeError) || !error.isTooLong || limit === 1) throw error;
        this.#pageSize = Math.max(1, Math.floor(limit / 8));
      }
    }
  }

  #endless(resource: KubeResource): KubeError {
    return new KubeError(
      `${this.#name}: the list of ${fullNameOf(resource)} repeats itself or has more than ${MOST_OBJECTS} objects`,
    );
  }

  /**
   * Opens a watch. Returns a generator of its events, which ends when the server ends the watch.
   *
   * @throws {KubeError} the request failed; `isExpired` is true if the version is too old. The
   *   generator can throw the same errors
   */
  async watch(
    resource: KubeResource,
    options: WatchOptions,
    signal?: AbortSignal,
  ): Promise<AsyncGenerator<WatchEvent, void, void>> {
    const parameters = query({ ...options, watch: 'true', allowWatchBookmarks: 'true' });
    const path = `${pathOf(resource)}?${parameters}`;
    const wanted: Wanted = { verb: 'watch', resource, method: 'GET', path, signal };
    const { body } = await this.#send(wanted);
    return this.#events(readLines(body, this.#reading(this.#silence)), wanted);
  }

  /**
   * Creates the object, or sets the given fields of an existing object, by server-side apply. Takes
   * over the ownership of these fields from other writers.
   *
   * @throws {KubeError} the request failed
   */
  async apply(resource: KubeResource, object: KubeObject, subresource?: 'status'): Promise<void> {
    const { name } = object.metadata;
    const parameters = query({ fieldManager: FIELD_MANAGER, force: 'true' });
    await this.#json({
      verb: 'patch',
      resource,
      ...(subresource && { subresource }),
      method: 'PATCH',
      path: `${pathOf(resource, name, subresource)}?${parameters}`,
      // JSON is also YAML, and older servers know only this content type.
      contentType: 'application/apply-patch+yaml',
      body: JSON.stringify({ ...object, apiVersion: apiVersionOf(resource), kind: resource.kind }),
    });
  }

  /**
   * Changes single fields of an existing object, all of them or none (RFC 6902).
   *
   * @throws {KubeError} the request failed
   */
  async patch(resource: KubeResource, name: string, changes: readonly JsonChange[]): Promise<void> {
    await this.#json({
      verb: 'patch',
      resource,
      method: 'PATCH',
      path: `${pathOf(resource, name)}?${query({ fieldManager: FIELD_MANAGER })}`,
      contentType: 'application/json-patch+json',
      body: JSON.stringify(changes),
    });
  }

  /**
   * Deletes an object. Does nothing if it does not exist.
   *
   * @throws {KubeError} the request failed
   */
  async remove(resource: KubeResource, name: string): Promise<void> {
    const path = pathOf(resource, name);
    await this.#unlessMissing({ verb: 'delete', resource, method: 'DELETE', path });
  }

  /** Aborts all requests in progress and closes the connections. */
  close(): void {
    for (const cut of this.#cuts) cut.abort();
    this.#transport.close();
  }

  get #name(): string {
    return `API server ${this.access.server.origin}`;
  }

  async *#events(
    lines: AsyncGenerator<string, void, void>,
    wanted: Wanted,
  ): AsyncGenerator<WatchEvent, void, void> {
    for await (const line of lines) yield this.#event(line, wanted);
  }

  #event(line: string, wanted: Wanted): WatchEvent {
    const event = fieldsOf(this.#parse(line, wanted));
    const type = event?.['type'];
    const said = fieldsOf(event?.['object']);
    // A watch reports a failure as an event, in a response with status 200.
    if (type === 'ERROR') {
      throw refusalOf(wanted, { status: 0, retryAfter: 0, said }, this.access);
    }
    const metadata = fieldsOf(said?.['metadata']);
    const resourceVersion = metadata?.['resourceVersion'];
    const object = asKubeObject(type === 'BOOKMARK' ? { metadata: { name: '' } } : said);
    if (!isEventType(type) || !object || typeof resourceVersion !== 'string') {
      throw new KubeError(`${this.#name}: a watch event without type, name or version`);
    }
    return { type, object, resourceVersion };
  }

  async #unlessMissing(wanted: Wanted): Promise<unknown> {
    try {
      return await this.#json(wanted);
    } catch (error) {
      if (error instanceof KubeError && error.status === 404) return undefined;
      throw error;
    }
  }

  async #json(wanted: Wanted): Promise<unknown> {
    const { body } = await this.#send(wanted);
    return this.#parse(await readText(body, this.#reading(this.#timeout)), wanted);
  }

  #parse(text: string, wanted: Wanted): unknown {
    try {
      return JSON.parse(text);
    } catch {
      throw new KubeError(`${this.#name}: the response to ${wanted.verb} is not JSON`);
    }
  }

  /**
   * Returns a successful response. After status 401, the credentials are read again and the request
   * is repeated once, because the token may have been replaced.
   */
  async #send(wanted: Wanted): Promise<KubeResponse> {
    let response = await this.#answer(wanted);
    if (response.status === 401) {
      forgetCredentials(this.access);
      response.body.destroy();
      response = await this.#answer(wanted);
    }
    const { status, retryAfter, body } = response;
    if (status >= 200 && status < 300) return response;
    let said: unknown;
    try {
      said = JSON.parse(await readText(body, this.#reading(this.#timeout)));
    } catch {
      // The body is empty or a proxy's page. The error then has the status, but no message.
    }
    throw refusalOf(wanted, { status, retryAfter, said }, this.access);
  }

  async #answer(wanted: Wanted): Promise<KubeResponse> {
    const cut = new AbortController();
    let isLate = false;
    const abort = (): void => cut.abort();
    const cancel = this.#clock.after(this.#timeout, () => {
      isLate = true;
      abort();
    });
    const release = (): void => {
      this.#cuts.delete(cut);
      wanted.signal?.removeEventListener('abort', abort);
    };
    this.#cuts.add(cut);
    wanted.signal?.addEventListener('abort', abort);
    if (wanted.signal?.aborted) abort();
    try {
      const response = await this.#transport.send({ ...wanted, signal: cut.signal });
      response.body.once('close', release);
      return response;
    } catch (error) {
      release();
      if (!isLate) throw error;
      throw new KubeError(`${this.#name}: silent for ${Math.round(this.#timeout / 1000)} s`);
    } finally {
      cancel();
    }
  }

  #reading(silence: number): { clock: Clock; silence: number; from: string } {
    return { clock: this.#clock, silence, from: this.#name };
  }
}

interface Wanted extends Omit<KubeRequest, 'signal'>, Action {
  readonly signal?: AbortSignal | undefined;
}

function query(parameters: object): string {
  const entries = Object.entries(parameters).filter(
    ([, value]) => value !== undefined && value !== '',
  );
  return new URLSearchParams(
    entries.map(([name, value]): [string, string] => [name, String(value)]),
  ).toString();
}

function isEventType(type: unknown): type is WatchEvent['type'] {
  return type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED' || type === 'BOOKMARK';
}

/** The name of this writer in `managedFields`. */
const FIELD_MANAGER = 'litz-agent';

/** The most objects in a list: ten times as many as the nodes that Kubernetes supports. */
const MOST_OBJECTS = 50_000;

/**
 * How many objects a page of a list has at first. A larger page costs memory: with 250 objects per
 * page, a list of 5,000 objects needs 5 MB more.
 */
const PAGE = 100;
