/**
 * `KubeTransport`: sends one HTTP request to the API server and returns the response, with gzip
 * decoded. `KubeTransport` manages the connections and knows nothing about resources.
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
  /** The path with its query, without the server. */
  readonly path: string;
  readonly body?: string;
  readonly contentType?: string;
  /** Aborts the request and the response. */
  readonly signal: AbortSignal;
}

export interface KubeResponse {
  readonly status: number;
  /**
   * The pause that the server asks for, in milliseconds, at most a minute; 0 if it asks for none.
   */
  readonly retryAfter: number;
  /** The body as UTF-8 text. The caller must read it to its end or destroy it. */
  readonly body: Readable;
}

export class KubeTransport {
  readonly #access: KubeAccess;
  readonly #agent: http.Agent;

  /** @param agent creates the connections; default: TCP, with TLS for https */
  constructor(access: KubeAccess, agent?: http.Agent) {
    this.#access = access;
    // Without TCP keepalive, only the silence timeout would detect that the server has vanished.
    const options = { keepAlive: true, keepAliveMsecs: 15_000, maxFreeSockets: 2 };
    const isPlain = access.server.protocol === 'http:';
    this.#agent = agent ?? (isPlain ? new http.Agent(options) : new https.Agent(options));
  }

  /**
   * Sends a request and returns the response, whatever its status is.
   *
   * @throws {KubeError} there was no response, or the credentials cannot be read
   */
  async send(request: KubeRequest): Promise<KubeResponse> {
    try {
      return await this.#send(request);
    } catch (error) {
      if (!(error instanceof ConnectionReusedError) || request.method === 'POST') throw error;
      // The server closed an idle connection at the moment of its reuse, so it has not seen the
      // request.
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
      const refuse = (reason: string): void =>
        reject(new KubeError(`API server ${server.origin}: ${reason}`));
      // Without this listener, Node.js would close the connection and report no error.
      sent.on('upgrade', (_, socket) => {
        socket.destroy();
        refuse('status 101, which is no answer to a request');
      });
      sent.on('close', () => refuse('the connection was closed without an answer'));
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

  /**
   * Returns the TLS options. The HTTP agent reuses a connection only for the same options, so a new
   * certificate creates a new connection.
   */
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

/** The server closed a reused connection before it answered. */
class ConnectionReusedError extends KubeError {}

function readResponse(response: http.IncomingMessage): KubeResponse {
  const { headers, statusCode = 0 } = response;
  let body: Readable = response;
  if (headers['content-encoding'] === 'gzip') {
    // An error of either stream is reported on `body`, where the reader sees it.
    body = pipeline(response, createGunzip(), () => {});
  }
  body.setEncoding('utf8');
  const seconds = Number(headers['retry-after']);
  const retryAfter = seconds > 0 ? Math.min(seconds * 1000, LONGEST_RETRY_MS) : 0;
  return { status: statusCode, retryAfter, body };
}

/** In milliseconds. The longest pause that a server can ask for. */
const LONGEST_RETRY_MS = 60_000;
