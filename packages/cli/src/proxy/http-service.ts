/**
 * `startHttp`: an HTTP proxy on an address of the machine: CONNECT, and requests for `http://` in
 * absolute form (RFC 9112, section 3.2.2).
 *
 * @module
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { formatHostPort, readTarget } from './addresses.ts';
import { endSoon } from './end-soon.ts';
import { forwardRequest, statusOf, type ForwardContext } from './http-forward.ts';
import { dial, joinSockets } from './join-sockets.ts';
import { codeOf, type RefusalReason, type ServiceCounts } from './proxy-counts.ts';
import type { ServiceContext } from './service-context.ts';
import type { ProxyService } from './settings.ts';
import { closeServer, listenForStreams, type RunningService } from './stream-listener.ts';

/** @throws {Failure} (rejects) the service cannot listen at its address */
export async function startHttp(
  service: ProxyService,
  context: ServiceContext,
): Promise<RunningService> {
  const server = createServer(LIMITS);
  const proxy = new HttpProxy(service, context);
  server.on('connection', (socket: Socket) => proxy.accept(socket));
  server.on('request', (request, response) => proxy.request(request, response));
  // If the request has `Expect: 100-continue`, the target decides whether the client sends the
  // body.
  server.on('checkContinue', (request, response) => proxy.request(request, response));
  server.on(
    'connect',
    (request, socket: Socket, head) => void proxy.connect(request, socket, head),
  );
  server.on('clientError', (error, socket) => proxy.refuseGarbage(error, socket as Socket));
  const address = await listenForStreams(server, service.listen, service.origin);
  return {
    description: `HTTP proxy on ${formatHostPort(address)}`,
    close: () => closeServer(server),
  };
}

/** Answers the requests of clients. */
class HttpProxy {
  readonly #service: ProxyService;
  readonly #context: ServiceContext;
  readonly #counts: ServiceCounts;
  readonly #forward: ForwardContext;

  constructor(service: ProxyService, context: ServiceContext) {
    this.#service = service;
    this.#context = context;
    this.#counts = context.counts.of('http');
    const { network } = context;
    this.#forward = { network, counts: this.#counts, onFailure: (error) => this.#fail(error) };
  }

  accept(socket: Socket): void {
    if (this.#context.table.add(socket, this.#counts)) socket.setKeepAlive(true, KEEPALIVE_MS);
  }

  request(request: IncomingMessage, response: ServerResponse): void {
    const { table } = this.#context;
    const { socket } = request;
    if (!this.#isAllowed(request)) {
      const headers = { ...AUTHENTICATE, ...CLOSE };
      response.writeHead(407, headers).end('the proxy needs a name and a password\n');
      return;
    }
    const url = absoluteUrl(request.url);
    if (!url) {
      this.#counts.refuse('not-supported');
      response.writeHead(400, CLOSE).end('this is a proxy: ask for http://HOST/, or use CONNECT\n');
      return;
    }
    table.serve(socket);
    response.once('close', () => {
      if (!socket.destroyed) table.rest(socket, this.#counts);
    });
    forwardRequest(request, response, url, this.#forward);
  }

  async connect(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    // From here on, Node.js does nothing with the connection. The bytes that came after the request
    // are put back into the stream at once, because nothing can be put back after its end.
    socket.on('error', () => {});
    if (head.length > 0) socket.unshift(head);
    if (!this.#isAllowed(request)) return endWith(socket, 407, AUTHENTICATE);
    const target = readTarget(request.url ?? '');
    if (!target) {
      this.#counts.refuse('garbage');
      return endWith(socket, 400);
    }
    this.#context.table.serve(socket);
    try {
      const far = await dial(this.#context.network, target, { client: socket });
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      await joinSockets(socket, far, this.#counts);
    } catch (error) {
      this.#fail(error);
      endWith(socket, statusOf(error));
    }
    return undefined;
  }

  /**
   * Called if a client sent no valid request, or no whole header in time. Answers with a status if
   * the connection can still send, and closes it.
   */
  refuseGarbage(error: NodeJS.ErrnoException, socket: Socket): void {
    const reason = REFUSALS[error.code ?? ''] ?? 'garbage';
    if (error.code !== 'ECONNRESET') this.#counts.refuse(reason);
    if (socket.writable && error.code !== 'ECONNRESET') {
      endWith(socket, error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400);
    } else socket.destroy();
  }

  #isAllowed(request: IncomingMessage): boolean {
    const { credentials } = this.#service;
    const header = request.headers['proxy-authorization'];
    if (!credentials || credentials.matchBasic(header)) return true;
    this.#counts.refuse(header === undefined ? 'no-password' : 'wrong-password');
    return false;
  }

  #fail(error: unknown): void {
    this.#counts.fail(error);
    this.#context.log(`${this.#service.origin}: a target was not reached: ${codeOf(error)}`);
  }
}

/** Returns the URL of a request in absolute form; undefined: it has another form or scheme. */
function absoluteUrl(text = ''): URL | undefined {
  if (!/^http:\/\//i.test(text)) return undefined;
  try {
    const url = new URL(text);
    return url.hostname === '' ? undefined : url;
  } catch {
    return undefined;
  }
}

/** Sends a status without a body, and closes the connection. */
function endWith(
  socket: Socket,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): void {
  const fields = Object.entries({ ...headers, ...CLOSE, 'Content-Length': '0' });
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_TEXTS[status]}`,
    ...fields.map((it) => it.join(': ')),
  ];
  endSoon(socket, `${lines.join('\r\n')}\r\n\r\n`);
}

const AUTHENTICATE = { 'Proxy-Authenticate': 'Basic realm="litz", charset="UTF-8"' };
const CLOSE = { Connection: 'close' };
const STATUS_TEXTS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  407: 'Proxy Authentication Required',
  431: 'Request Header Fields Too Large',
  502: 'Bad Gateway',
  504: 'Gateway Timeout',
};
const REFUSALS: Readonly<Record<string, RefusalReason>> = { ERR_HTTP_REQUEST_TIMEOUT: 'silent' };
/**
 * In milliseconds. The whole request has no limit (0), because a client may send a large file to a
 * target. The limit for its header is enough against silent clients.
 */
const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 0,
  keepAliveTimeout: 60_000,
  connectionsCheckingInterval: 1000,
  noDelay: true,
};
const KEEPALIVE_MS = 60_000;
