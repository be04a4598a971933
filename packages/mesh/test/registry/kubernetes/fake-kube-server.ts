/**
 * A small API server in memory. It uses the HTTP of Node.js over a pair of streams.
 *
 * It supports lists by pages, watches with bookmarks, status 410, server-side apply without
 * ownership, and gzip. A test can set its next answers, for example to errors.
 *
 * @module
 */
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { duplexPair, type Duplex } from 'node:stream';
import { gzipSync } from 'node:zlib';
import type { KubeAccess } from '../../../src/registry/kubernetes/kube-access.ts';

export interface FakeObject {
  metadata: { name: string; resourceVersion?: string; uid?: string; [field: string]: unknown };
  spec?: unknown;
  [field: string]: unknown;
}

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

interface Watch {
  readonly collection: string;
  readonly name: string | undefined;
  readonly response: ServerResponse;
}

export class FakeKubeServer {
  /** The requests in order, such as `GET /apis/litz.dev/v1/litznodes?limit=100`. */
  readonly requests: string[] = [];
  readonly headers: http.IncomingHttpHeaders[] = [];
  readonly bodies: string[] = [];
  readonly agent: http.Agent;
  readonly access: KubeAccess = {
    description: 'a fake',
    server: new URL('http://fake.test:8001'),
  };
  readonly #server = http.createServer((request, response) => this.#receive(request, response));
  readonly #objects = new Map<string, FakeObject>();
  readonly #history: { version: number; key: string; type: string; object: FakeObject }[] = [];
  readonly #watches = new Set<Watch>();
  readonly #scripted: Answer[] = [];
  readonly #connections = new Set<Duplex>();
  #version = 100;
  #oldest = 0;
  #refusing: Error | undefined;

  constructor() {
    const connect = (): Duplex | Error => this.#refusing ?? this.#connect();
    this.agent = new (class extends http.Agent {
      override createConnection(
        _: unknown,
        callback?: (error: Error, stream: Duplex) => void,
      ): Duplex | undefined {
        const connection = connect();
        if (!(connection instanceof Error)) return connection;
        callback?.(connection, undefined as never);
        return undefined;
      }
    })({ keepAlive: true });
  }

  /** Sets the answer to the next request. */
  answerNext(answer: Answer): void {
    this.#scripted.push(answer);
  }

  /** Answers the next request with a `Status` with this code. */
  failNext(code: number, reason: string, headers: Record<string, string> = {}): void {
    this.answerNext((_, response) => {
      response.writeHead(code, { 'content-type': 'application/json', ...headers });
      response.end(JSON.stringify(statusOf(code, reason)));
    });
  }

  put(collection: string, object: FakeObject): void {
    const key = `${collection}/${object.metadata.name}`;
    const type = this.#objects.has(key) ? 'MODIFIED' : 'ADDED';
    this.#change(key, type, object);
  }

  delete(collection: string, name: string): boolean {
    const key = `${collection}/${name}`;
    const object = this.#objects.get(key);
    if (object) this.#change(key, 'DELETED', object);
    return object !== undefined;
  }

  get(collection: string, name: string): FakeObject | undefined {
    return this.#objects.get(`${collection}/${name}`);
  }

  get version(): string {
    return String(this.#version);
  }

  get watching(): number {
    return this.#watches.size;
  }

  /** Raises the version, as a change of another object does, and sends a bookmark. */
  bookmark(): void {
    this.#version++;
    const object = { metadata: { resourceVersion: this.version } };
    for (const { response } of this.#watches) send(response, { type: 'BOOKMARK', object });
  }

  /** Sends an event to each open watch. */
  sendEvent(event: unknown): void {
    for (const { response } of this.#watches) send(response, event);
  }

  /** Ends every watch, as a real server does when the time limit of a watch is over. */
  endWatches(): void {
    for (const { response } of this.#watches) response.end();
  }

  /** Makes all versions up to now too old for a watch. */
  compact(): void {
    this.#version++;
    this.#oldest = this.#version;
  }

  /** Cuts the connections; new ones fail until `start`. */
  kill(): void {
    this.#refusing = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    for (const connection of this.#connections) connection.destroy();
  }

  start(): void {
    this.#refusing = undefined;
  }

  #connect(): Duplex {
    const [near, far] = duplexPair();
    // These are methods of sockets that streams do not have.
    Object.assign(near, {
      setKeepAlive() {},
      setNoDelay() {},
      setTimeout() {},
      ref() {},
      unref() {},
    });
    this.#connections.add(far);
    far.on('error', () => {});
    far.on('close', () => {
      this.#connections.delete(far);
      // A pair of streams reports an end to the other side, but not a cut.
      near.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
    });
    near.on('close', () => far.destroy());
    this.#server.emit('connection', far);
    return near;
  }

  #receive(request: IncomingMessage, response: ServerResponse): void {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (text: string) => (body += text));
    request.on('end', () => {
      this.requests.push(`${request.method} ${request.url}`);
      this.headers.push(request.headers);
      this.bodies.push(body);
      const scripted = this.#scripted.shift();
      if (scripted) scripted(request, response, body);
      else this.#answer(request, response, body);
    });
  }

  #answer(request: IncomingMessage, response: ServerResponse, body: string): void {
    const url = new URL(request.url!, 'http://fake.test');
    const key = url.pathname;
    if (request.method === 'PATCH') return this.#apply(key, response, body);
    if (request.method === 'DELETE') {
      const { collection, name } = splitKey(key);
      const isThere = this.delete(collection, name);
      return answer(request, response, isThere ? 200 : 404, statusOf(isThere ? 200 : 404, ''));
    }
    if (url.searchParams.get('watch') === 'true') return this.#watch(url, response);
    if (this.#isCollection(key)) return this.#list(url, request, response);
    const object = this.#objects.get(key);
    return answer(request, response, object ? 200 : 404, object ?? statusOf(404, 'NotFound'));
  }

  #isCollection(path: string): boolean {
    const parts = path.split('/').filter((part) => part !== '');
    const rest = parts.slice(parts[0] === 'api' ? 2 : 3);
    return rest.length === (rest[0] === 'namespaces' ? 3 : 1);
  }

  #list(url: URL, request: IncomingMessage, response: ServerResponse): void {
    const limit = Number(url.searchParams.get('limit') ?? '1000000');
    const start = Number(url.searchParams.get('continue') ?? '0');
    const wanted = url.searchParams.get('fieldSelector')?.replace('metadata.name=', '');
    const all = [...this.#objects]
      .filter(([key]) => splitKey(key).collection === url.pathname)
      .map(([, object]) => object)
      .filter(({ metadata }) => wanted === undefined || metadata.name === wanted);
    const next = start + limit < all.length ? String(start + limit) : '';
    answer(request, response, 200, {
      metadata: { resourceVersion: this.version, continue: next },
      items: all.slice(start, start + limit),
    });
  }

  #watch(url: URL, response: ServerResponse): void {
    const since = Number(url.searchParams.get('resourceVersion'));
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    if (since < this.#oldest) {
      send(response, { type: 'ERROR', object: statusOf(410, 'Expired') });
      response.end();
      return;
    }
    const name = url.searchParams.get('fieldSelector')?.replace('metadata.name=', '');
    const watch: Watch = { collection: url.pathname, name, response };
    this.#watches.add(watch);
    response.on('close', () => this.#watches.delete(watch));
    for (const change of this.#history) {
      if (change.version > since) tell(watch, change.key, change.type, change.object);
    }
  }

  #apply(path: string, response: ServerResponse, body: string): void {
    const key = path.replace(/\/status$/, '');
    const { collection } = splitKey(key);
    const applied = JSON.parse(body) as FakeObject;
    const merged = merge(this.#objects.get(key) ?? {}, applied) as FakeObject;
    this.put(collection, merged);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(merged));
  }

  #change(key: string, type: string, object: FakeObject): void {
    this.#version++;
    const stored = {
      ...object,
      metadata: { ...object.metadata, resourceVersion: this.version },
    };
    if (type === 'DELETED') this.#objects.delete(key);
    else this.#objects.set(key, stored);
    this.#history.push({ version: this.#version, key, type, object: stored });
    for (const watch of this.#watches) tell(watch, key, type, stored);
  }
}

function tell(watch: Watch, key: string, type: string, object: FakeObject): void {
  const { collection, name } = splitKey(key);
  if (collection !== watch.collection || (watch.name !== undefined && watch.name !== name)) return;
  send(watch.response, { type, object });
}

function send(response: ServerResponse, event: unknown): void {
  response.write(`${JSON.stringify(event)}\n`);
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  code: number,
  value: unknown,
): void {
  const text = JSON.stringify(value);
  // Only long answers are compressed, as by the real server.
  const isZipped = text.length > 1000 && /gzip/.test(String(request.headers['accept-encoding']));
  response.writeHead(code, {
    'content-type': 'application/json',
    ...(isZipped && { 'content-encoding': 'gzip' }),
  });
  response.end(isZipped ? gzipSync(text) : text);
}

export function statusOf(code: number, reason: string): unknown {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    status: code < 300 ? 'Success' : 'Failure',
    message: `${reason} said the server`,
    reason,
    code,
  };
}

function splitKey(key: string): { collection: string; name: string } {
  const slash = key.lastIndexOf('/');
  return { collection: key.slice(0, slash), name: key.slice(slash + 1) };
}

function merge(before: unknown, applied: unknown): unknown {
  if (!isMapping(before) || !isMapping(applied)) return applied;
  const merged: Record<string, unknown> = { ...before };
  for (const [name, value] of Object.entries(applied)) merged[name] = merge(before[name], value);
  return merged;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
