/**
 * `forwardRequest`: passes one HTTP request on to its target, and the answer back.
 *
 * Each connection of a client has its own connections to targets, which are kept open between
 * requests. They are not shared between clients, because some servers tie a login to a connection.
 *
 * @module
 */
import {
  Agent,
  request as sendRequest,
  STATUS_CODES,
  type ClientRequest,
  type ClientRequestArgs,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { endToEndHeaders, withHeader, withoutHeader, withVia } from './http-headers.ts';
import { codeOf, type ServiceCounts } from './proxy-counts.ts';
import { dial } from './join-sockets.ts';
import type { ProxyNetwork } from './proxy-network.ts';

/** What is needed to pass a request on. */
export interface ForwardContext {
  readonly network: ProxyNetwork;
  readonly counts: ServiceCounts;
  /** Called if the target was not reached. */
  readonly onFailure: (error: unknown) => void;
}

/** Passes a request on. Answers 502 or 504 if the target cannot be reached. */
export function forwardRequest(
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  context: ForwardContext,
): void {
  const { counts } = context;
  const upstream = requestTo(url, request, context);
  counts.open++;
  counts.opened++;
  upstream.once('close', () => {
    counts.open--;
    // No answer could be passed on, for instance because the target switched to another protocol
    // without being asked.
    if (!response.headersSent) failWith(wrongAnswer(), response, context);
  });
  upstream.once('continue', () => response.writeContinue());
  upstream.once('response', (answer) => {
    try {
      passBack(answer, response, counts);
    } catch (error) {
      // Node.js reads some status lines that it refuses to write.
      upstream.destroy();
      failWith(wrongAnswer(error), response, context);
    }
  });
  upstream.once('error', (error) => failWith(error, response, context));
  request.on('data', (bytes: Buffer) => (counts.bytesForth += bytes.length));
  request.pipe(upstream);
  // The client has gone: nobody waits for the answer.
  response.once('close', () => upstream.destroy());
}

/** Returns the status for a target that was not reached. */
export function statusOf(error: unknown): number {
  return /^ETIMED?OUT$/.test(codeOf(error)) ? 504 : 502;
}

function requestTo(url: URL, request: IncomingMessage, { network }: ForwardContext): ClientRequest {
  return sendRequest({
    agent: agentOf(request.socket, network),
    method: request.method ?? 'GET',
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? 80 : Number(url.port),
    path: `${url.pathname}${url.search}`,
    // An array keeps repeated fields apart. The types of Node.js allow an array only for answers.
    headers: headersFor(request, url) as unknown as Record<string, string>,
    setHost: false,
  });
}

/**
 * Returns the fields for the target. The length of the body is given in the same way as the client
 * has given it: as a number, or by chunks. Trailers of requests are not passed on, so they are not
 * announced either.
 */
function headersFor(
  { rawHeaders, headers, method, httpVersion }: IncomingMessage,
  url: URL,
): string[] {
  const announced = withoutHeader(endToEndHeaders(rawHeaders), 'Trailer');
  const common = withHeader(announced, 'Host', url.host);
  const fields = withVia(common, httpVersion);
  if (headers['transfer-encoding'] !== undefined)
    return [...fields, 'Transfer-Encoding', 'chunked'];
  const hasNoBody = headers['content-length'] === undefined && BODY_METHODS.has(method ?? '');
  return hasNoBody ? [...fields, 'Content-Length', '0'] : fields;
}

/** @throws {TypeError | RangeError} the status of the answer is not valid */
function passBack(answer: IncomingMessage, response: ServerResponse, counts: ServiceCounts): void {
  const { statusCode = 502, statusMessage = '', rawHeaders, httpVersion } = answer;
  const fields = endToEndHeaders(rawHeaders);
  const passed = hasTrailers(answer, response) ? fields : withoutHeader(fields, 'Trailer');
  const headers = withVia(passed, httpVersion);
  // The answer has the date of its target, or none.
  response.sendDate = false;
  response.writeHead(statusCode, statusMessage, headers);
  answer.on('data', (bytes: Buffer) => (counts.bytesBack += bytes.length));
  answer.once('end', () => {
    if (answer.rawTrailers.length > 0) response.addTrailers(pairsOf(answer.rawTrailers));
  });
  // A body that is cut off must not look complete.
  answer.once('error', () => response.destroy());
  answer.pipe(response);
}

/**
 * Returns whether the trailers of an answer can be passed on. They can follow only a chunked body,
 * which a client of HTTP/1.0 cannot read. If the body is not chunked, Node.js refuses the field
 * `Trailer`.
 */
function hasTrailers(answer: IncomingMessage, { req }: ServerResponse): boolean {
  const { statusCode, headers } = answer;
  const hasBody = req.method !== 'HEAD' && statusCode !== 204 && statusCode !== 304;
  return hasBody && req.httpVersion === '1.1' && headers['transfer-encoding'] !== undefined;
}

function wrongAnswer(cause?: unknown): Error {
  return Object.assign(new Error('the answer is not valid', { cause }), { code: 'EPROTO' });
}

function failWith(error: unknown, response: ServerResponse, { onFailure }: ForwardContext): void {
  if (response.destroyed) return;
  onFailure(error);
  if (response.headersSent) {
    response.destroy();
    return;
  }
  // The rest of the request is not read, so the connection cannot be used again.
  const headers = { 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close' };
  const text = `the target was not reached (${codeOf(error)})\n`;
  const status = statusOf(error);
  // The text of the status is given too. Without it, Node.js would use the text that `passBack` has
  // taken from the answer of the target, even if Node.js has refused that text.
  response.writeHead(status, STATUS_CODES[status], headers).end(text);
}

function pairsOf(raw: readonly string[]): [string, string][] {
  return raw.flatMap((name, i) => (i % 2 === 0 ? [[name, raw[i + 1]!] as [string, string]] : []));
}

/** Returns the agent of a connection of a client. The agent ends with the connection. */
function agentOf(client: Socket, network: ProxyNetwork): Agent {
  const known = AGENTS.get(client);
  if (known) return known;
  const agent = new TunnelAgent(network);
  AGENTS.set(client, agent);
  client.once('close', () => agent.destroy());
  return agent;
}

/** Opens connections inside the tunnel. */
class TunnelAgent extends Agent {
  readonly #network: ProxyNetwork;

  constructor(network: ProxyNetwork) {
    super({ keepAlive: true, maxSockets: MOST_SOCKETS, maxFreeSockets: 1 });
    this.#network = network;
  }

  /**
   * @internal Called by node:http when a request has ended. Returns whether its connection is kept.
   */
  override keepSocketAlive(socket: Duplex): boolean {
    const idle = Object.values(this.freeSockets).flat().length;
    return idle < MOST_IDLE && Boolean(super.keepSocketAlive(socket));
  }

  override createConnection(
    { host, port }: ClientRequestArgs,
    done: (error: Error | null, socket: Duplex) => void = () => {},
  ): undefined {
    const target = { host: String(host), port: Number(port) };
    dial(this.#network, target, { allowHalfOpen: false }).then(
      (socket) => done(null, socket),
      // If there is an error, there is no socket. The types of Node.js do not allow this.
      (error: Error) => done(error, undefined as unknown as Duplex),
    );
  }
}

const AGENTS = new WeakMap<Socket, Agent>();
/**
 * How many connections one client may have to one target: the client may send several requests
 * before the first answer.
 */
const MOST_SOCKETS = 8;
/**
 * How many idle connections are kept for later requests of one client, to all of its targets
 * together.
 */
const MOST_IDLE = 8;
/** Node.js announces a chunked body for these methods, unless it is told that there is no body. */
const BODY_METHODS: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);
