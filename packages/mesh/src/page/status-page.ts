/**
 * `StatusPage`: an HTTP server on a loopback address. It serves a page that shows a status, and
 * changes nothing.
 *
 * | path | answer |
 * |---|---|
 * | `/` | the page; its files load nothing from other servers |
 * | `/status.json` | the status |
 * | `/events` | server-sent events: `history`, then the status each second, or `trouble` |
 *
 * @module
 */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { limitConnections } from '../http/limit-connections.ts';
import { MESH_PAGE_FILES } from './page-files.ts';
import { routeRequest, type PageFile, type PageFiles } from './route-request.ts';
import { StatusFeed, type PageSource, type Viewer } from './status-feed.ts';

/** Where the status page listens. */
export interface StatusPageOptions {
  /** TCP port. 0: the kernel selects a free port. */
  port: number;
  /** The address to listen on; default: `127.0.0.1`. */
  host?: '127.0.0.1' | '::1';
  /** The files of the page; default: the page of a mesh, which needs a `StatusSource`. */
  files?: PageFiles;
}

/** An HTTP server on a loopback address that shows a status to browsers, and changes nothing. */
export class StatusPage {
  readonly #source: PageSource;
  readonly #files: PageFiles;
  readonly #feed: StatusFeed;
  /** How to end the connection of each viewer. */
  readonly #closers = new Map<Viewer, () => void>();
  readonly #server: Server;
  readonly #host: string;

  private constructor(source: PageSource, host: string, files: PageFiles) {
    this.#source = source;
    this.#files = files;
    this.#host = host;
    this.#feed = new StatusFeed(source);
    this.#server = createServer(
      LIMITS,
      (request, response) => void this.#answer(request, response),
    );
    limitConnections(this.#server, MAX_CONNECTIONS);
  }

  /**
   * Starts the server. Resolves when it listens.
   *
   * @throws {TypeError} the host is not a loopback address
   * @throws {RangeError} the port is not an integer from 0 to 65535
   * @throws {Error} EADDRINUSE: another program uses the port; EACCES: this process may not use the
   *   port
   */
  static async open(source: PageSource, options: StatusPageOptions): Promise<StatusPage> {
    const { port, host = '127.0.0.1', files = MESH_PAGE_FILES } = options;
    if (host !== '127.0.0.1' && host !== '::1') {
      throw new TypeError(`"host" expected 127.0.0.1 or ::1, got ${String(host)}`);
    }
    if (!Number.isInteger(port) || port < 0 || port > 65_535) {
      throw new RangeError(`"port" expected an integer from 0 to 65535, got ${String(port)}`);
    }
    const page = new StatusPage(source, host, files);
    page.#server.listen(port, host);
    await once(page.#server, 'listening');
    return page;
  }

  /** Address of the page: `http://127.0.0.1:51872/`. */
  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://${this.#host.includes(':') ? `[${this.#host}]` : this.#host}:${port}/`;
  }

  /** How many browsers receive the events now. */
  get viewers(): number {
    return this.#feed.viewers;
  }

  /** Ends all connections and resolves when the server is closed. */
  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request;
    const site = headers['sec-fetch-site'];
    const { host } = headers;
    const asked = { method, url, host, site: Array.isArray(site) ? site[0] : site };
    const route = routeRequest(asked, this.#files);
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    switch (route.kind) {
      case 'file':
        return await sendFile(response, route.file);
      case 'status':
        return await this.#sendStatus(response);
      case 'events':
        return this.#sendEvents(response, method);
      case 'nothing':
        return void response.writeHead(204).end();
      case 'refusal':
        if (route.status === 405) response.setHeader('Allow', 'GET, HEAD');
        return sendText(response, route.status, route.text);
    }
  }

  async #sendStatus(response: ServerResponse): Promise<void> {
    try {
      const text = `${JSON.stringify(await this.#source.status(), undefined, 2)}\n`;
      response.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8' }).end(text);
    } catch (error) {
      sendText(response, 503, error instanceof Error ? error.message : String(error));
    }
  }

  #sendEvents(response: ServerResponse, method: string): void {
    if (method === 'GET' && this.#feed.viewers >= MAX_VIEWERS) this.#closeStalled();
    if (method === 'GET' && this.#feed.viewers >= MAX_VIEWERS) {
      return sendText(
        response,
        503,
        `the page has ${MAX_VIEWERS} viewers already, which is the limit`,
      );
    }
    response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8' });
    if (method === 'HEAD') return void response.end();
    response.write(`retry: ${RETRY_MS}\n\n`);
    const viewer: Viewer = {
      isReady: () => !response.writableNeedDrain,
      send: (text) => void response.write(text),
    };
    // A viewer that reads gets a status each second, so only a stalled connection is idle for long.
    response.setTimeout(STALLED_MS, () => response.destroy());
    this.#closers.set(viewer, () => {
      this.#forget(viewer);
      response.destroy();
    });
    this.#feed.add(viewer);
    response.on('close', () => this.#forget(viewer));
  }

  #forget(viewer: Viewer): void {
    this.#closers.delete(viewer);
    this.#feed.remove(viewer);
  }

  /** Ends the connections of viewers that do not read, so that a new viewer can connect. */
  #closeStalled(): void {
    for (const [viewer, close] of this.#closers) if (!viewer.isReady()) close();
  }
}

async function sendFile(response: ServerResponse, { location, type }: PageFile): Promise<void> {
  try {
    const content = await readFile(location);
    response.writeHead(200, { 'Content-Type': `${type}; charset=utf-8` }).end(content);
  } catch (error) {
    sendText(response, 500, error instanceof Error ? error.message : String(error));
  }
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
}

const HEADERS = {
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; '),
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
};

const LIMITS = {
  maxHeaderSize: 8192,
  headersTimeout: 5000,
  requestTimeout: 5000,
  connectionsCheckingInterval: 1000,
};
const MAX_CONNECTIONS = 64;
const MAX_VIEWERS = 16;
/** A viewer is closed when it has read nothing for this long, in ms. */
const STALLED_MS = 60_000;
/** How many milliseconds a browser waits before it connects to the events again. */
const RETRY_MS = 2000;
