/**
 * `EtcdClient`: the calls to etcd that a registry needs, over one connection at a time. The
 * endpoints are tried in turn. If a user is configured, the client gets a token before the first
 * call, and a new token when etcd no longer accepts the old one.
 *
 * @module
 */
import { EtcdError, GRPC_CODES } from './etcd-error.ts';
import { formatEndpoint, type EtcdEndpoints } from './etcd-endpoints.ts';
import {
  authenticateRequest,
  authenticateResponse,
  leaseGrantRequest,
  leaseRequest,
  leaseResponse,
  rangeRequest,
  rangeResponse,
  txnRequest,
  txnResponse,
  watchRequest,
  watchResponse,
  type LeaseResponse,
  type RangeRequest,
  type RangeResponse,
  type TxnRequest,
  type TxnResponse,
  type WatchRequest,
  type WatchResponse,
} from './etcd-messages.ts';
import { commonName, explainTls, readText, readTlsFiles, type EtcdTlsFiles } from './etcd-tls.ts';
import { GrpcConnection } from './grpc-connection.ts';
import type { MessageCodec } from './message-codec.ts';

/** Each of these functions throws `EtcdError` on failure. */
export interface EtcdApi {
  range(request: Partial<RangeRequest>): Promise<RangeResponse>;
  txn(request: TxnRequest): Promise<TxnResponse>;
  /** @param seconds how long the lease lives if it is not renewed */
  grantLease(seconds: number): Promise<LeaseResponse>;
  /** Renews a lease. A `ttl` of 0 or less means that the lease no longer exists. */
  keepLeaseAlive(id: bigint): Promise<LeaseResponse>;
  /**
   * Returns how long a lease still lives. A `ttl` of 0 or less means that the lease no longer
   * exists.
   */
  leaseTimeToLive(id: bigint): Promise<LeaseResponse>;
  /**
   * Opens a watch. Resolves when etcd has sent its first answer. The first `next` of the watch
   * returns this answer.
   */
  watch(create: WatchRequest['create']): Promise<EtcdWatch>;
  /** Closes the client. Every call after that fails. */
  close(): void;
}

/** An open watch. */
export interface EtcdWatch {
  /** Returns the next answer; undefined if the server has ended the watch. */
  next(): Promise<WatchResponse | undefined>;
  /** Requests an answer from the server, even if nothing has changed. */
  askProgress(): void;
  close(): void;
}

/** A user of etcd. The password is read from the file at each login. */
export interface EtcdUser {
  readonly name: string;
  readonly passwordFile: string;
}

export interface EtcdClientOptions {
  readonly tls?: EtcdTlsFiles;
  readonly user?: EtcdUser;
  /** The prefix of all keys. The error message shows it if the user has no permission. */
  readonly prefix?: string;
  /**
   * Returns a number from 0 up to, but not including, 1. The number chooses the first endpoint, so
   * that not all agents use the same server.
   */
  readonly random?: () => number;
}

export class EtcdClient implements EtcdApi {
  readonly #endpoints: EtcdEndpoints;
  readonly #options: EtcdClientOptions;
  #next: number;
  #connection: Promise<GrpcConnection> | undefined;
  #token: Promise<Token> | undefined;
  #isClosed = false;

  constructor(endpoints: EtcdEndpoints, options: EtcdClientOptions = {}) {
    this.#endpoints = endpoints;
    this.#options = options;
    this.#next = Math.floor((options.random ?? Math.random)() * endpoints.list.length);
  }

  range(request: Partial<RangeRequest>): Promise<RangeResponse> {
    return this.#ask('KV/Range', { request: rangeRequest, response: rangeResponse }, request);
  }

  txn(request: TxnRequest): Promise<TxnResponse> {
    return this.#ask('KV/Txn', { request: txnRequest, response: txnResponse }, request);
  }

  grantLease(seconds: number): Promise<LeaseResponse> {
    const codecs = { request: leaseGrantRequest, response: leaseResponse };
    return this.#ask('Lease/LeaseGrant', codecs, { ttl: BigInt(seconds) });
  }

  keepLeaseAlive(id: bigint): Promise<LeaseResponse> {
    return this.#ask('Lease/LeaseKeepAlive', LEASE, { id });
  }

  leaseTimeToLive(id: bigint): Promise<LeaseResponse> {
    return this.#ask('Lease/LeaseTimeToLive', LEASE, { id });
  }

  watch(create: WatchRequest['create']): Promise<EtcdWatch> {
    return this.#withToken(async (connection, token) => {
      const stream = connection.stream({ method: SERVICE + WATCH, token });
      const late = setTimeout(() => stream.close(), CALL_MS);
      try {
        stream.send(watchRequest.encode({ create }));
        const bytes = await stream.next();
        if (!bytes) throw new EtcdError(GRPC_CODES.unavailable, 'no answer to a watch');
        const first = decoded(watchResponse, bytes, WATCH);
        // etcd also cancels a watch if its token is old.
        if (first.canceled && /permission denied|auth token/.test(first.cancelReason)) {
          throw new EtcdError(GRPC_CODES.permissionDenied, first.cancelReason);
        }
        return watchOf(stream, first);
      } catch (error) {
        stream.close();
        throw error;
      } finally {
        clearTimeout(late);
      }
    });
  }

  close(): void {
    this.#isClosed = true;
    void this.#connection?.then(
      (connection) => connection.close(),
      () => {},
    );
    this.#connection = undefined;
  }

  #ask<Request, Response>(
    method: string,
    codecs: { request: MessageCodec<Request>; response: MessageCodec<Response> },
    request: Partial<Request>,
  ): Promise<Response> {
    return this.#withToken(async (connection, token) => {
      const message = codecs.request.encode(request);
      const answer = await connection.call({ method: SERVICE + method, token }, message, CALL_MS);
      return decoded(codecs.response, answer, method);
    });
  }

  async #withToken<T>(
    run: (connection: GrpcConnection, token: string | undefined) => Promise<T>,
  ): Promise<T> {
    const connection = await this.#connected();
    try {
      return await this.#withTokenOn(connection, run);
    } catch (error) {
      const isUnavailable = error instanceof EtcdError && error.code === GRPC_CODES.unavailable;
      // A member of etcd's cluster that has lost the other members still answers, but with this
      // error. The next call connects to another endpoint.
      if (isUnavailable && this.#endpoints.list.length > 1) connection.close(error);
      throw error;
    }
  }

  /**
   * Runs a call with the user's token. If the token may be old, gets a new one and runs the call
   * once more.
   */
  async #withTokenOn<T>(
    connection: GrpcConnection,
    run: (connection: GrpcConnection, token: string | undefined) => Promise<T>,
  ): Promise<T> {
    const pending = this.#token ?? this.#authenticate(connection);
    const { text, since } = await pending;
    try {
      return await run(connection, text);
    } catch (error) {
      if (!(error instanceof EtcdError) || !this.#options.user) throw this.#explained(error);
      const isOld = error.isDenied && performance.now() - since > TOKEN_MS;
      if (!error.needsNewToken && !isOld) throw this.#explained(error);
    }
    if (this.#token === pending) this.#token = undefined;
    try {
      return await run(connection, (await (this.#token ?? this.#authenticate(connection))).text);
    } catch (error) {
      throw this.#explained(error);
    }
  }

  /** Adds the user name, and how to grant the missing role, to the error of a denied call. */
  #explained(error: unknown): unknown {
    if (!(error instanceof EtcdError) || !error.isDenied) return error;
    const { user, tls, prefix = '' } = this.#options;
    const name = user?.name ?? commonName(tls);
    const who = name === undefined ? 'the user' : `the user ${name}`;
    const mend = `etcdctl role grant-permission ROLE readwrite --prefix ${prefix}`;
    const message = `${error.message}: ${who} needs a role that may read and write the keys ${prefix}...: ${mend}`;
    return new EtcdError(error.code, message, { cause: error });
  }

  #authenticate(connection: GrpcConnection): Promise<Token> {
    const token = this.#newToken(connection);
    this.#token = token;
    token.catch(() => {
      if (this.#token === token) this.#token = undefined;
    });
    return token;
  }

  async #newToken(connection: GrpcConnection): Promise<Token> {
    const { user } = this.#options;
    const since = performance.now();
    if (!user) return { text: undefined, since };
    const password = readText(user.passwordFile).replace(/\r?\n$/, '');
    const message = authenticateRequest.encode({ name: user.name, password });
    const call = { method: SERVICE + AUTHENTICATE, token: undefined };
    try {
      const answer = await connection.call(call, message, CALL_MS);
      const { token } = decoded(authenticateResponse, answer, AUTHENTICATE);
      return { text: token, since };
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
      if (error.isAuthenticationOff) return { text: undefined, since };
      if (!error.message.includes('invalid user ID')) throw error;
      const files = `--etcd-user ${user.name}, --etcd-password-file ${user.passwordFile}`;
      throw new EtcdError(error.code, `${error.message}: ${files}`, { cause: error });
    }
  }

  async #connected(): Promise<GrpcConnection> {
    for (;;) {
      if (this.#isClosed) throw new EtcdError(GRPC_CODES.unavailable, 'the client is closed');
      const connecting = (this.#connection ??= this.#connect());
      try {
        const connection = await connecting;
        if (connection.isOpen && !this.#isClosed) return connection;
        if (this.#isClosed) connection.close();
      } catch (error) {
        if (this.#connection === connecting) this.#connection = undefined;
        throw error;
      }
      if (this.#connection === connecting) this.#connection = undefined;
    }
  }

  /** Connects to the next endpoint that answers. */
  async #connect(): Promise<GrpcConnection> {
    const { list, isEncrypted } = this.#endpoints;
    const { tls: files = {} } = this.#options;
    const tls = isEncrypted ? readTlsFiles(files) : undefined;
    const troubles: string[] = [];
    let cause: unknown;
    for (let tried = 0; tried < list.length; tried++) {
      const endpoint = list[this.#next % list.length]!;
      this.#next = (this.#next + 1) % list.length;
      const endpointText = formatEndpoint(endpoint);
      try {
        return await GrpcConnection.open(endpoint, tls);
      } catch (error) {
        cause = tls && error instanceof EtcdError ? explainTls(error, files) : error;
        troubles.push(`${endpointText}: ${(cause as Error).message}`);
      }
    }
    throw new EtcdError(GRPC_CODES.unavailable, troubles.join('; '), { cause });
  }
}

interface Token {
  /** The token; undefined if no user is configured, or if etcd has no users. */
  readonly text: string | undefined;
  readonly since: number;
}

function watchOf(stream: ReturnType<GrpcConnection['stream']>, first: WatchResponse): EtcdWatch {
  let pending: WatchResponse | undefined = first;
  return {
    async next() {
      const response = pending;
      pending = undefined;
      if (response) return response;
      const bytes = await stream.next();
      return bytes && decoded(watchResponse, bytes, WATCH);
    },
    askProgress: () => stream.send(watchRequest.encode({ progress: {} })),
    close: () => stream.close(),
  };
}

/** @throws {EtcdError} the bytes are not a message of this type */
function decoded<T>(codec: MessageCodec<T>, bytes: Uint8Array, method: string): T {
  try {
    return codec.decode(bytes);
  } catch (cause) {
    const message = `the answer to ${method} is not a message of etcd: ${(cause as Error).message}`;
    throw new EtcdError(GRPC_CODES.unavailable, message, { cause });
  }
}

const SERVICE = '/etcdserverpb.';
const WATCH = 'Watch/Watch';
const AUTHENTICATE = 'Auth/Authenticate';
const LEASE = { request: leaseRequest, response: leaseResponse };
const CALL_MS = 10_000;
/**
 * In milliseconds. If a token is younger than this, its age is not the reason why etcd denies a
 * call.
 */
const TOKEN_MS = 30_000;
