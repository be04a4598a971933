/**
 * `TextServer`: an HTTP server whose clients are programs. Its paths are, for example, `/metrics`,
 * `/healthz` and `/readyz`. Each path has a function that returns the answer. Only GET and HEAD are
 * allowed.
 *
 * @module
 */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createConnection, type AddressInfo } from 'node:net';
import { limitConnections } from '../http/limit-connections.ts';
import { isLoopbackHost } from '../http/loopback-host.ts';

/** The answer for a path: an HTTP status, and a text. */
export interface TextAnswer {
  readonly status: number;
  /** The header `Content-Type`; default: plain text in UTF-8. */
  readonly type?: string;
  readonly text: string;
}

/** An address and a TCP port to listen on. */
export interface ListenAddress {
  /** The address to listen on; undefined: all addresses of the machine. */
  readonly host: string | undefined;
  /** TCP port. 0: the kernel selects a free port. */
  readonly port: number;
}

/** The path of a Unix socket to listen on. The owner and the group of the socket can use it. */
export interface ListenPath {
  readonly path: string;
}

export interface TextServerOptions {
  /**
   * True: a request over TCP is refused if its header `Host` does not name the loopback interface.
   * Default: false.
   */
  readonly onlyLoopbackHosts?: boolean;
}

/** The answer for each path. */
type Answers = ReadonlyMap<string, () => TextAnswer | Promise<TextAnswer>>;

/** A small HTTP server that answers GET requests with text. */
export class TextServer {
  readonly #server: Server;

  /**
   * Starts the server. Resolves when it listens. A Unix socket that no program answers on is
   * replaced.
   *
   * @param paths the function for each path, such as '/metrics'. If a function throws, the answer
   *   is 500 with the message of the error
   * @throws {Error} EADDRINUSE: another program uses the port or the socket; EACCES: this process
   *   may not use it
   */
  static async listen(
    listen: ListenAddress | ListenPath,
    paths: ReadonlyMap<string, () => TextAnswer | Promise<TextAnswer>>,
    { onlyLoopbackHosts = false }: TextServerOptions = {},
  ): Promise<TextServer> {
    const isChecked = onlyLoopbackHosts && 'port' in listen;
    const server = createServer(LIMITS, (request, response) => {
      if (isChecked && !isLoopbackHost(request.headers.host)) {
        const text = 'the header Host must be localhost, 127.0.0.1 or [::1]\n';
        send(response, { status: 403, text });
      } else answer(request, response, paths);
    });
    limitConnections(server, MAX_CONNECTIONS);
    // A client that sends many requests and reads no answer would fill the memory with answers.
    server.maxRequestsPerSocket = 1;
    server.on('dropRequest', (_request, socket) => socket.destroy());
    server.setTimeout(SILENT_MS);
    if ('path' in listen) await listenAt(server, listen.path);
    else server.listen(listen.port, listen.host);
    if (!server.listening) await once(server, 'listening');
    return new TextServer(server);
  }

  private constructor(server: Server) {
    this.#server = server;
  }

  /** The TCP port that the server listens on. Must not be read if it listens on a Unix socket. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Ends all connections and resolves when the server is closed. */
  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}

function answer(request: IncomingMessage, response: ServerResponse, paths: Answers): void {
  const [path = ''] = (request.url ?? '').split('?', 1);
  const make = paths.get(path);
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    send(response, { status: 405, text: 'the method must be GET or HEAD\n' });
  } else if (!make) {
    const text = `this path does not exist; the paths are ${[...paths.keys()].join(', ')}\n`;
    send(response, { status: 404, text });
  } else {
    void reply(response, make);
  }
}

async function reply(
  response: ServerResponse,
  make: () => TextAnswer | Promise<TextAnswer>,
): Promise<void> {
  try {
    send(response, await make());
  } catch (error) {
    send(response, { status: 500, text: `${error instanceof Error ? error.message : 'failed'}\n` });
  }
}

function send(response: ServerResponse, { status, type = PLAIN, text }: TextAnswer): void {
  response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store' }).end(text);
}

/** Listens on a Unix socket. Node.js removes the file when the server is closed. */
async function listenAt(server: Server, path: string): Promise<void> {
  if ((await connectionError(path)) === 'ECONNREFUSED') rmSync(path, { force: true });
  // `listen` creates the socket file before it returns, so the umask decides who may use the file.
  // Other users must not read the metrics, because the metrics name peers and their addresses.
  const mask = process.umask(0o117);
  try {
    server.listen(path);
  } finally {
    process.umask(mask);
  }
}

/** Returns the error code of a connection to the socket; undefined: a program answers. */
function connectionError(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
  });
}

const PLAIN = 'text/plain; charset=utf-8';
/** In milliseconds. */
const LIMITS = {
  requestTimeout: 10_000,
  headersTimeout: 5000,
  keepAliveTimeout: 5000,
  connectionsCheckingInterval: 1000,
};
const MAX_CONNECTIONS = 32;
/** In milliseconds. A connection is closed after it was silent for this long. */
const SILENT_MS = 30_000;
