/**
 * `TextServer`: an HTTP server for programs: metrics, `/healthz`, `/readyz`. A path has a function that says
 * what is answered. Read only.
 *
 * @module
 */
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { boundConnections } from '../http/bound-connections.ts';

export interface TextAnswer {
  readonly status: number;
  /** Default: plain text. */
  readonly type?: string;
  readonly text: string;
}

export interface ListenAddress {
  /** Undefined: all addresses of the machine. */
  readonly host: string | undefined;
  /** TCP; 0 takes a free one. */
  readonly port: number;
}

export class TextServer {
  readonly #server: Server;

  /**
   * @param paths '/metrics' and the like, each with what answers it; what that throws is a 500
   * @throws {Error} EADDRINUSE, EACCES: the port can't be had
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
        send(response, { status: 405, text: 'this can only be read\n' });
      } else if (!answer) {
        send(response, { status: 404, text: `there are ${[...paths.keys()].join(', ')}\n` });
      } else {
        void reply(response, answer);
      }
    });
    boundConnections(server, MAX_CONNECTIONS);
    server.listen(port, host);
    await once(server, 'listening');
    return new TextServer(server);
  }

  private constructor(server: Server) {
    this.#server = server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

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
const LIMITS = {
  requestTimeout: 10_000,
  headersTimeout: 5000,
  keepAliveTimeout: 5000,
  connectionsCheckingInterval: 1000,
};
const MAX_CONNECTIONS = 32;
