/**
 * `TextServer`: an HTTP server whose clients are programs. Its paths are, for example, `/metrics`,
 * `/healthz` and `/readyz`. Each path has a function that returns the answer. Only GET and HEAD are
 * allowed.
 *
 * @module
 */
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { limitConnections } from '../http/limit-connections.ts';

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

/** A small HTTP server that answers GET requests with text. */
export class TextServer {
  readonly #server: Server;

  /**
   * Starts the server. Resolves when it listens.
   *
   * @param paths the function for each path, such as '/metrics'; if it throws, the answer is 500
   *   with the message
   * @throws {Error} EADDRINUSE: another program uses the port; EACCES: this process may not use the
   *   port
   */
  static async listen(
    { host, port }: ListenAddress,
    paths: ReadonlyMap<string, () => TextAnswer | Promise<TextAnswer>>,
  ): Promise<TextServer> {
    const server = createServer(LIMITS, (request, response) => {
      const [path = ''] = (request.url ?? '').split('?', 1);
      const isRead = request.method === 'GET' || request.method === 'HEAD';
      const answer = paths.get(path);
      if (!isRead) {
        response.setHeader('Allow', 'GET, HEAD');
        send(response, { status: 405, text: 'the method must be GET or HEAD\n' });
      } else if (!answer) {
        send(response, {
          status: 404,
          text: `this path does not exist; the paths are ${[...paths.keys()].join(', ')}\n`,
        });
      } else {
        void reply(response, answer);
      }
    });
    limitConnections(server, MAX_CONNECTIONS);
    server.listen(port, host);
    await once(server, 'listening');
    return new TextServer(server);
  }

  private constructor(server: Server) {
    this.#server = server;
  }

  /** The TCP port that the server listens on. */
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

async function reply(
  response: ServerResponse,
  answer: () => TextAnswer | Promise<TextAnswer>,
): Promise<void> {
  try {
    send(response, await answer());
  } catch (error) {
    send(response, { status: 500, text: `${error instanceof Error ? error.message : 'failed'}\n` });
  }
}

function send(response: ServerResponse, { status, type = PLAIN, text }: TextAnswer): void {
  response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store' }).end(text);
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
