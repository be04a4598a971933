/**
 * A relay for pages: one WebSocket per page and endpoint, one datagram per WebSocket message. It
 * also serves the page of this example.
 *
 * A page cannot send UDP. The relay forwards datagrams to the endpoints on its command line, and to
 * no others. It accepts WebSockets only from pages that it serves itself. It cannot decrypt the
 * datagrams, because the keys stay in the page.
 *
 * ```
 *   node examples/dist/browser/relay.js 192.0.2.2:51820 [ENDPOINT...]
 * ```
 *
 * @module
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { dirname, join, normalize } from 'node:path';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { formatAddress, parseEndpoint } from '@litz/config';
import { Endpoint } from '@litz/core';
import { WebSocketServer, type WebSocket } from 'ws';

/** Forwards datagrams between pages and the endpoints of its list. */
class Relay {
  /** The endpoints, by their text. */
  readonly #endpoints: ReadonlyMap<string, Endpoint>;
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_DATAGRAM });

  constructor(endpoints: readonly Endpoint[]) {
    this.#endpoints = new Map(endpoints.map((endpoint) => [endpoint.toString(), endpoint]));
  }

  /** Accepts a WebSocket request for `/relay/ENDPOINT`, or refuses it with an HTTP status. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { origin, host = '' } = request.headers;
    const endpoint = this.#endpoints.get((request.url ?? '').replace(/^\/relay\//, ''));
    // A page of another site must not use the relay in the name of its visitor, even if the name of
    // that site resolves to this machine (DNS rebinding).
    const isOwnPage = OWN_HOST.test(host) && origin === `http://${host}`;
    if (!isOwnPage) refuse(socket, '403 Forbidden');
    else if (!endpoint) refuse(socket, '404 Not Found');
    else if (this.#sockets.clients.size >= MOST_PAGES) refuse(socket, '503 Service Unavailable');
    else {
      this.#sockets.handleUpgrade(request, socket, head, (page) => forward(page, endpoint));
    }
  }

  close(): void {
    for (const page of this.#sockets.clients) page.terminate();
  }
}

/** Forwards between one page and one endpoint, until the WebSocket is closed. */
function forward(page: WebSocket, endpoint: Endpoint): void {
  const udp = createSocket(endpoint.address.length === 4 ? 'udp4' : 'udp6');
  // A connected socket receives datagrams from its endpoint only. WebSocket messages of the page
  // wait until the UDP socket is connected.
  page.pause();
  udp.connect(endpoint.port, formatAddress(endpoint.address), () => page.resume());
  udp.on('message', (datagram) => {
    // A page that is too slow loses datagrams, as it would on a network.
    if (page.bufferedAmount < MAX_BUFFERED) page.send(datagram);
  });
  udp.on('error', () => page.close());
  page.on('message', (datagram, isBinary) => {
    if (isBinary) udp.send(datagram as Buffer, () => {});
  });
  page.on('error', () => {});
  page.once('close', () => udp.close());
}

function refuse(socket: Duplex, status: string): void {
  socket.on('error', () => {});
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

/** Sends the page, or a module that the page imports. */
function sendFile({ url = '/' }: IncomingMessage, response: ServerResponse): void {
  const path = normalize(url.split('?', 1)[0] ?? '/');
  const [, kind = '', ...rest] = path.split('/');
  try {
    const folder = FOLDERS.get(kind);
    const file = path === '/' ? PAGE : folder && join(folder(rest[0] ?? ''), ...rest.slice(1));
    const bytes = readFileSync(file ?? '');
    const type = file === PAGE ? 'text/html; charset=utf-8' : 'text/javascript';
    response.writeHead(200, { 'Content-Type': type }).end(bytes);
  } catch {
    response.writeHead(404).end();
  }
}

/** Starts the relay on 127.0.0.1. Resolves when it listens. */
async function startRelay(endpoints: readonly Endpoint[], port: number): Promise<Server> {
  const relay = new Relay(endpoints);
  const server = createServer(sendFile);
  server.on('upgrade', (request, socket, head) => relay.upgrade(request, socket, head));
  server.once('close', () => relay.close());
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

const require = createRequire(import.meta.url);
const PAGE = fileURLToPath(new URL('../../browser/index.html', import.meta.url));
/**
 * The folders of the modules that the page imports. The first part of a module's URL path selects
 * the folder. (A bundler would join all modules into one file.)
 */
const FOLDERS: ReadonlyMap<string, (name: string) => string> = new Map([
  ['page', () => fileURLToPath(new URL('.', import.meta.url))],
  ['litz', (name: string) => dirname(require.resolve(`@litz/${name}`))],
  [
    'noble',
    (name: string) => {
      const core = createRequire(require.resolve('@litz/core'));
      return dirname(core.resolve(`@noble/${name}/utils.js`));
    },
  ],
]);
/** The `Host` fields of the relay's own pages. */
const OWN_HOST = /^(127\.0\.0\.1|localhost)(:\d+)?$/;
const MAX_DATAGRAM = 65_535;
const MAX_BUFFERED = 1 << 20;
const MOST_PAGES = 64;

const endpoints = process.argv.slice(2).map((text) => {
  const endpoint = parseEndpoint(text);
  if (endpoint instanceof Endpoint) return endpoint;
  throw new TypeError(`expected ADDRESS:PORT, got ${text}`);
});
const server = await startRelay(endpoints, Number(process.env['PORT'] ?? 8100));
console.log(`open http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
