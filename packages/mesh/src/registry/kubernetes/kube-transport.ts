/**
 * `KubeTransport`: one HTTP request to the API server and its answer, gzip undone. It holds the
 * connections, and knows nothing of resources.
 *
 * @module
 */
import http from 'node:http';
import https from 'node:https';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { KubeAccess } from './kube-access.ts';
import { KubeError, textOfError } from './kube-error.ts';

export interface KubeRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** With its query, without the server. */
  readonly path: string;
  readonly body?: string;
  readonly contentType?: string;
  /** Cuts the request, and its answer as well. */
  readonly signal: AbortSignal;
}

export interface KubeResponse {
  readonly status: number;
  /** In milliseconds; 0 where the server doesn't say. */
  readonly retryAfter: number;
  /** UTF-8 text. Must be read to its end or destroyed. */
  readonly body: Readable;
}

export class KubeTransport {
  readonly #access: KubeAccess;
  readonly #agent: http.Agent;

  /** @param agent how connections are made; TLS on the network where absent */
  constructor(access: KubeAccess, agent?: http.Agent) {
    this.#access = access;
    // Without the keepalive a peer that vanished is found by the silence timeout alone.
    const options = { keepAlive: true, keepAliveMsecs: 15_000, maxFreeSockets: 2 };
    const isPlain = access.server.protocol === 'http:';
    this.#agent = agent ?? (isPlain ? new http.Agent(options) : new https.Agent(options));
  }

  /**
   * @throws {KubeError} there was no answer, or the credentials can't be read. An answer that says no
   *   is an answer
   */
  async send(request: KubeRequest): Promise<KubeResponse> {
    try {
      return await this.#send(request);
    } catch (error) {
      if (!(error instanceof ConnectionReusedError) || request.method === 'POST') throw error;
      // The server closed an idle connection while we took it: nobody has seen the request.
      return this.#send(request);
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #send(request: KubeRequest): Promise<KubeResponse> {
    const { server } = this.#access;
    const options: https.RequestOptions = {
      agent: this.#agent,
      method: request.method,
      path: server.pathname.replace(/\/$/, '') + request.path,
      host: server.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: server.port || (server.protocol === 'https:' ? 443 : 80),
      headers: this.#headers(request),
      signal: request.signal,
      ...this.#tlsOptions(),
    };
    return new Promise((resolve, reject) => {
      const sent = (server.protocol === 'https:' ? https : http).request(options, (response) =>
        resolve(readResponse(response)),
      );
      sent.on('error', (error: NodeJS.ErrnoException) => {
        const Kind =
          sent.reusedSocket && error.code === 'ECONNRESET' ? ConnectionReusedError : KubeError;
        reject(
          new Kind(`API server ${server.origin}: ${textOfError(error)}`, {
            status: 0,
            cause: error,
          }),
        );
      });
      sent.end(request.body);
    });
  }

  #headers({ body, contentType }: KubeRequest): http.OutgoingHttpHeaders {
    const token = this.#access.token?.text().trim();
    return {
      accept: 'application/json',
      'accept-encoding': 'gzip',
      'user-agent': 'litz-agent',
      ...(token && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && {
        'content-type': contentType ?? 'application/json',
        'content-length': Buffer.byteLength(body),
      }),
    };
  }

  /** Part of a connection's name in the agent: a new certificate makes a new connection. */
  #tlsOptions(): https.RequestOptions {
    const { server, authority, serverName, certificate, key } = this.#access;
    if (server.protocol === 'http:') return {};
    return {
      ...(authority && { ca: authority.text() }),
      ...(serverName && { servername: serverName }),
      ...(certificate && { cert: certificate.text() }),
      ...(key && { key: key.text() }),
    };
  }
}

/** A kept connection was closed by the server before it answered. */
class ConnectionReusedError extends KubeError {}

function readResponse(response: http.IncomingMessage): KubeResponse {
  const { headers, statusCode = 0 } = response;
  let body: Readable = response;
  if (headers['content-encoding'] === 'gzip') {
    // An error of either side is one of `body`, where the reader sees it.
    body = pipeline(response, createGunzip(), () => {});
  }
  body.setEncoding('utf8');
  const seconds = Number(headers['retry-after']);
  const retryAfter = Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : 0;
  return { status: statusCode, retryAfter, body };
}
