/**
 * `GrpcConnection`: gRPC calls over one HTTP/2 connection, limited to what etcd needs: calls with
 * one answer, and streams in both directions.
 *
 * `GrpcConnection` sends HTTP/2 pings. If no answer comes, it ends the connection. In this way it
 * detects a server that vanished without closing the connection.
 *
 * @module
 */
import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket, type SecureContextOptions } from 'node:tls';
import { formatEndpoint, type EtcdEndpoint } from './etcd-endpoints.ts';
import { EtcdError, errorOfTrailers, explainConnection, GRPC_CODES } from './etcd-error.ts';
import { GrpcStream } from './grpc-stream.ts';

/** The contents of the certificate files and of the key file. */
export type GrpcTls = Pick<SecureContextOptions, 'ca' | 'cert' | 'key'>;

export interface GrpcCall {
  /** The path of the method, for example `/etcdserverpb.KV/Range`. */
  readonly method: string;
  /** The token of the user; undefined if there is none. */
  readonly token: string | undefined;
}

export class GrpcConnection {
  readonly #socket: Socket;
  readonly #session: ClientHttp2Session;
  #resolveEnded!: (error: EtcdError) => void;
  readonly #ended: Promise<EtcdError> = new Promise((resolve) => (this.#resolveEnded = resolve));
  readonly #pinging: NodeJS.Timeout;
  #lastPing: NodeJS.Timeout | undefined;
  #isEnded = false;

  private constructor(socket: Socket, session: ClientHttp2Session) {
    this.#socket = socket;
    this.#session = session;
    this.#pinging = setInterval(() => this.#ping(), PING_MS);
    // Errors of the socket are handled too. In Node.js 20, the session reports nothing and keeps
    // the socket if the server refuses a certificate right after the handshake.
    socket.on('error', (error) => this.#end(error));
    session.on('error', (error) => this.#end(error));
    session.once('goaway', () => session.close());
    session.once('close', () => this.#end(undefined));
  }

  /**
   * Connects to an endpoint.
   *
   * @param tls the certificates and the key; undefined for a connection without encryption
   * @throws {EtcdError} the server cannot be reached or does not answer in time, or TLS fails
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
      // Without encryption, an open TCP connection does not show that the server speaks HTTP/2. The
      // server shows this when it sends its HTTP/2 settings.
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
   * Sends one message and returns the one answer.
   *
   * @throws {EtcdError} the call failed or took longer than `timeoutMs`
   */
  async call(call: GrpcCall, message: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const stream = this.stream(call);
    const late = setTimeout(() => {
      // A server that does not answer this call probably does not answer other calls either. The
      // connection is closed, so the next call uses another server.
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

  /**
   * Opens a stream of messages in both directions.
   *
   * @throws {EtcdError} the connection has ended
   */
  stream({ method, token }: GrpcCall): GrpcStream {
    if (!this.isOpen) throw new EtcdError(GRPC_CODES.unavailable, 'the connection has ended');
    const stream: ClientHttp2Stream = this.#session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: method,
      [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
      [constants.HTTP2_HEADER_TE]: 'trailers',
      'user-agent': 'litz',
      // With this header, a member of etcd's cluster that has lost the other members ends its
      // streams.
      hasleader: 'true',
      ...(token !== undefined && { token }),
    });
    return new GrpcStream(stream, errorOfTrailers);
  }

  /** Closes the connection. All calls fail, with this error if it is given. */
  close(error?: Error): void {
    this.#end(error);
  }

  /** Ends the connection. Only the first call has an effect. */
  #end(trouble: unknown): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    clearInterval(this.#pinging);
    clearTimeout(this.#lastPing);
    const error = unavailable(trouble);
    this.#resolveEnded(error);
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

/** @throws {EtcdError} the certificates cannot be used */
function startSocket({ host, port }: EtcdEndpoint, tls: GrpcTls | undefined): Socket {
  if (!tls) return connectPlain({ host, port });
  const name = isIP(host) ? {} : { servername: host };
  try {
    return connectTls({ host, port, ...name, ...tls, ALPNProtocols: ['h2'] });
  } catch (cause) {
    const message = `the certificates or the key cannot be used: ${(cause as Error).message}`;
    throw new EtcdError(GRPC_CODES.unavailable, message, { cause });
  }
}

/**
 * Adds a hint to an error without a clear reason. If only one of client and server uses TLS, the
 * server closes the connection and gives no reason.
 */
function withScheme(error: EtcdError, tls: GrpcTls | undefined): EtcdError {
  const { cause } = error;
  const isReset = cause instanceof Error && (cause as NodeJS.ErrnoException).code === 'ECONNRESET';
  if (cause !== undefined && !isReset) return error;
  const hint = tls
    ? 'if the server does not use TLS, use etcd://'
    : 'if the server uses TLS, use etcds://';
  return new EtcdError(error.code, `${error.message}; ${hint}`, { cause });
}

function unavailable(trouble: unknown): EtcdError {
  if (trouble instanceof EtcdError) return trouble;
  const reason =
    trouble instanceof Error ? explainConnection(trouble) : 'the server closed the connection';
  return new EtcdError(GRPC_CODES.unavailable, reason, { cause: trouble });
}

const CONNECT_MS = 5000;
/** In milliseconds. etcd treats more than one ping in five seconds as an attack. */
const PING_MS = 15_000;
const PONG_MS = 10_000;
