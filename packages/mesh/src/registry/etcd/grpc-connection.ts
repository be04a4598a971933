/**
 * `GrpcConnection`: calls over one connection of HTTP/2, as gRPC makes them. No more than etcd needs: calls
 * with one answer, and streams both ways.
 *
 * A connection that is silent is asked for a sign of life, so that one whose other end is gone without a
 * word ends too.
 *
 * @module
 */
import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket, type SecureContextOptions } from 'node:tls';
import { formatEndpoint, type EtcdEndpoint } from './etcd-endpoints.ts';
import { EtcdError, errorOfTrailers, explainConnection, GRPC_CODES } from './etcd-error.ts';
import { GrpcStream } from './grpc-stream.ts';

/** The certificates, already read. */
export type GrpcTls = Pick<SecureContextOptions, 'ca' | 'cert' | 'key'>;

export interface GrpcCall {
  /** `/etcdserverpb.KV/Range` */
  readonly method: string;
  /** Of the user; undefined for none. */
  readonly token: string | undefined;
}

export class GrpcConnection {
  readonly #socket: Socket;
  readonly #session: ClientHttp2Session;
  #endedBy!: (error: EtcdError) => void;
  readonly #ended: Promise<EtcdError> = new Promise((resolve) => (this.#endedBy = resolve));
  readonly #pinging: NodeJS.Timeout;
  #lastPing: NodeJS.Timeout | undefined;
  #isEnded = false;

  private constructor(socket: Socket, session: ClientHttp2Session) {
    this.#socket = socket;
    this.#session = session;
    this.#pinging = setInterval(() => this.#ping(), PING_MS);
    // A session says nothing, and keeps the socket, when the server refuses a certificate right after
    // the handshake (Node.js 20).
    socket.on('error', (error) => this.#end(error));
    session.on('error', (error) => this.#end(error));
    session.once('goaway', () => session.close());
    session.once('close', () => this.#end(undefined));
  }

  /**
   * @param tls undefined: without encryption
   * @throws {EtcdError} nobody answers, or not in time, or the certificates don't fit
   */
  static async open(endpoint: EtcdEndpoint, tls: GrpcTls | undefined): Promise<GrpcConnection> {
    const socket = startSocket(endpoint, tls);
    const scheme = tls ? 'https' : 'http';
    const session = connect(`${scheme}://${formatEndpoint(endpoint)}`, {
      createConnection: () => socket,
    });
    const connection = new GrpcConnection(socket, session);
    const late = setTimeout(() => connection.#end(new Error('no answer in time')), CONNECT_MS);
    const opened = new Promise<undefined>((resolve) => {
      // Without encryption a connection is made before anybody has spoken HTTP/2.
      session.once('remoteSettings', () => resolve(undefined));
    });
    const error = await Promise.race([opened, connection.#ended]);
    clearTimeout(late);
    if (!error) return connection;
    const isSecured = socket instanceof TLSSocket && socket.alpnProtocol !== null;
    throw isSecured ? error : withScheme(error, tls);
  }

  get isOpen(): boolean {
    return !this.#isEnded && !this.#session.closed && !this.#session.destroyed;
  }

  /**
   * One answer to one message.
   *
   * @throws {EtcdError}
   */
  async call(call: GrpcCall, message: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const stream = this.stream(call);
    const late = setTimeout(() => {
      // Whoever doesn't answer one call doesn't answer the others: the next one goes elsewhere.
      this.close(new EtcdError(GRPC_CODES.deadlineExceeded, `no answer within ${timeoutMs} ms`));
    }, timeoutMs);
    try {
      stream.send(message);
      stream.end();
      const answer = await stream.next();
      if (answer) return answer;
      throw new EtcdError(GRPC_CODES.unavailable, 'the server ended the call without an answer');
    } finally {
      clearTimeout(late);
      stream.close();
    }
  }

  /** Messages both ways, until one side ends it. */
  stream({ method, token }: GrpcCall): GrpcStream {
    if (!this.isOpen) throw new EtcdError(GRPC_CODES.unavailable, 'the connection has ended');
    const stream: ClientHttp2Stream = this.#session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: method,
      [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
      [constants.HTTP2_HEADER_TE]: 'trailers',
      'user-agent': 'litz',
      // A member that is cut off from the others ends its streams then.
      hasleader: 'true',
      ...(token !== undefined && { token }),
    });
    return new GrpcStream(stream, errorOfTrailers);
  }

  /** Ends all calls, with this error where there is one. */
  close(error?: Error): void {
    this.#end(error);
  }

  /** Only the first reason counts. */
  #end(trouble: unknown): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    clearInterval(this.#pinging);
    clearTimeout(this.#lastPing);
    const error = unavailable(trouble);
    this.#endedBy(error);
    this.#session.destroy(error);
    this.#socket.destroy();
  }

  #ping(): void {
    if (!this.isOpen || this.#lastPing) return;
    this.#lastPing = setTimeout(() => {
      this.close(new EtcdError(GRPC_CODES.unavailable, `no sign of life within ${PONG_MS} ms`));
    }, PONG_MS);
    this.#session.ping((error) => {
      if (error) return;
      clearTimeout(this.#lastPing);
      this.#lastPing = undefined;
    });
  }
}

/** @throws {EtcdError} the certificates can't be used */
function startSocket({ host, port }: EtcdEndpoint, tls: GrpcTls | undefined): Socket {
  if (!tls) return connectPlain({ host, port });
  const name = isIP(host) ? {} : { servername: host };
  try {
    return connectTls({ host, port, ...name, ...tls, ALPNProtocols: ['h2'] });
  } catch (cause) {
    const message = `the certificates or the key can't be used: ${(cause as Error).message}`;
    throw new EtcdError(GRPC_CODES.unavailable, message, { cause });
  }
}

/** Whoever hears the other language just hangs up. */
function withScheme(error: EtcdError, tls: GrpcTls | undefined): EtcdError {
  const { cause } = error;
  const isReset = cause instanceof Error && (cause as NodeJS.ErrnoException).code === 'ECONNRESET';
  if (cause !== undefined && !isReset) return error;
  const hint = tls ? 'if it speaks no TLS, it is etcd://' : 'if it speaks TLS, it is etcds://';
  return new EtcdError(error.code, `${error.message}; ${hint}`, { cause });
}

function unavailable(trouble: unknown): EtcdError {
  if (trouble instanceof EtcdError) return trouble;
  const reason =
    trouble instanceof Error ? explainConnection(trouble) : 'the server closed the connection';
  return new EtcdError(GRPC_CODES.unavailable, reason, { cause: trouble });
}

const CONNECT_MS = 5000;
/** etcd takes more than one in five seconds for an attack. */
const PING_MS = 15_000;
const PONG_MS = 10_000;
