/**
 * `UapiClient`: reads and configures a WireGuard daemon over its socket: Litz, wireguard-go,
 * boringtun.
 *
 * Arguments are checked before anything is sent. If a daemon cannot be reached, the error says
 * which socket was tried and what to check.
 *
 * ```ts
 * const client = UapiClient.of('wg0');
 * const { listenPort, peers } = await client.get();
 * await client.set({ listenPort: 51820 });
 * ```
 *
 * A client that `of` made uses the folder where all daemons have their sockets. It sends nothing
 * and fails with `EIO` if another user could put a socket into that folder (`untrustedFolder`),
 * because a `set` contains private keys. If you give a path to the constructor, you must check its
 * folder yourself.
 *
 * @module
 */
import { createConnection, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { WireGuardError } from '@litz/core';
import { checkBoolean, checkObject, isInterfaceName, quote } from '@litz/core/internals';
import type { DeviceChange } from '../device-change.ts';
import type { DeviceStatus } from '../device-configuration.ts';
import { formatCaptureRequest, type CaptureRequest } from './capture-request.ts';
import { explainFailure } from './connect-failure.ts';
import type { GetOptions } from './get-response.ts';
import { parseErrnoResponse, parseGetResponse } from './parse-response.ts';
import { parsePeerChanges, type PeerChanges } from './peer-changes.ts';
import { receiveCapture } from './received-capture.ts';
import { ReceivedReports } from './received-reports.ts';
import { connectionError, RequestConnection, timeoutError } from './request-connection.ts';
import { formatSetRequest } from './set-request.ts';
import { untrustedFolder } from './untrusted-folder.ts';

/** The options of a `UapiClient`. */
export interface UapiClientOptions {
  /** How long to wait for the next byte, in ms. Default 5000. */
  timeoutMs?: number;
  /** Longest answer in bytes. Default 256 MiB. */
  maxResponseLength?: number;
  /**
   * Keeps one connection for the next request, which then costs less. Default false: each request
   * has a connection of its own, and the client need not be closed. A kept connection does not keep
   * the process alive.
   */
  keepsConnection?: boolean;
}

/** A client of one daemon. Needs Node.js. https://www.wireguard.com/xplatform/ */
export class UapiClient {
  /** The path of the socket. */
  readonly path: string;
  readonly #timeoutMs: number;
  readonly #maxResponseLength: number;
  readonly #keepsConnection: boolean;
  #checksFolder = false;
  /** The connections that wait for an answer. */
  readonly #busy: Set<RequestConnection> = new Set();
  /** The connection that waits for the next request. */
  #kept: RequestConnection | undefined = undefined;

  /**
   * Makes a client; nothing is sent yet.
   *
   * @param path path of the Unix socket
   * @throws {TypeError} `path` is not a path
   * @throws {RangeError} `path` is longer than the path of a socket can be, or an option is out of
   *   range
   */
  constructor(path: string, options: UapiClientOptions = {}) {
    checkPath(path);
    checkObject(options, 'options', ['timeoutMs', 'maxResponseLength', 'keepsConnection']);
    checkNumber('timeoutMs', options.timeoutMs, LONGEST_TIMEOUT_MS);
    checkNumber('maxResponseLength', options.maxResponseLength, Infinity);
    checkBoolean(options.keepsConnection, 'keepsConnection');
    this.path = path;
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.#maxResponseLength = options.maxResponseLength ?? DEFAULT_MAX_RESPONSE_LENGTH;
    this.#keepsConnection = options.keepsConnection ?? false;
  }

  /**
   * Makes a client for the daemon of an interface. The socket is in `/var/run/wireguard`, as `wg`
   * expects.
   *
   * @throws {TypeError} `interfaceName` is not the name of an interface
   */
  static of(interfaceName: string, options: UapiClientOptions = {}): UapiClient {
    checkInterfaceName(interfaceName);
    const client = new UapiClient(`${SOCKET_DIRECTORY}/${interfaceName}.sock`, options);
    client.#checksFolder = true;
    return client;
  }

  /**
   * Reads the configuration and the peers of the device.
   *
   * @param options `keys`: also reads the next keys, and the keys of the sessions. `stats`: also
   *   reads the `details` of the device, and for each peer the drops, the unanswered initiations,
   *   the number of messages and the round trip. Each of the two also reads the names of endpoints.
   *   Only Litz supports these options.
   * @throws {UapiError} (rejects) the errno of the answer; or `EIO`: the daemon could not be
   *   reached (`cause` is the error)
   * @throws {WireGuardError} (rejects) `ERR_LITZ_TIMEOUT`
   */
  async get(options: GetOptions = {}): Promise<DeviceStatus> {
    checkObject(options, 'options', ['keys', 'stats']);
    const { keys = false, stats = false } = options;
    const lines = `${keys ? 'litz_keys=true\n' : ''}${stats ? 'litz_stats=true\n' : ''}`;
    return parseGetResponse(await this.#request(`get=1\n${lines}\n`));
  }

  /**
   * Changes the device. The change is checked here before it is sent. Litz applies all of a change
   * or nothing; wireguard-go applies all lines before the first mistake.
   *
   * @throws {TypeError | RangeError | WireGuardError} (rejects) a field is wrong; the message names
   *   it
   * @throws {UapiError} (rejects) the errno of the answer; or `EIO`: the daemon could not be
   *   reached (`cause` is the error)
   * @throws {WireGuardError} (rejects) `ERR_LITZ_TIMEOUT`
   */
  async set(change: DeviceChange): Promise<void> {
    parseErrnoResponse(await this.#request(formatSetRequest(change)));
  }

  /**
   * Closes the connections of `get` and `set`. Requests in progress reject with `EIO`. The client
   * can be used again, and then opens a new connection. Iterations of `changes` and `capture` go
   * on.
   */
  close(): void {
    this.#kept?.close();
    this.#kept = undefined;
    for (const connection of this.#busy) connection.close();
  }

  /**
   * Follows the peers that change, as an endless series of reports. Only daemons of Litz support
   * this. The first report comes at once. If `from` is absent, the first report has all peers. A
   * report is read only when the caller asks for it. A caller that is too slow gets all peers
   * again.
   *
   * ```ts
   * for await (const { peers } of UapiClient.of('litz0').changes({ signal })) { ... }
   * ```
   *
   * @param options.from the cursor of the last report of an earlier connection
   * @param options.signal ends the iteration without an error
   * @throws {UapiError} the errno of the answer; `EIO`: the daemon could not be reached, or it has
   *   ended
   * @throws {WireGuardError} `ERR_LITZ_TIMEOUT`: the first report did not come
   */
  async *changes(
    options: { from?: number; signal?: AbortSignal } = {},
  ): AsyncGenerator<PeerChanges, void, undefined> {
    checkObject(options, 'options', ['from', 'signal']);
    const { from = 0, signal } = options;
    if (!Number.isSafeInteger(from) || from < 0) {
      throw new RangeError(`"from" expected the cursor of a report, got ${from}`);
    }
    this.#checkFolder();
    const isAborted = (): boolean => signal?.aborted === true;
    if (isAborted()) return;
    const socket = createConnection(this.path);
    const abort = (): void => void socket.destroy();
    signal?.addEventListener('abort', abort, { once: true });
    try {
      yield* this.#reports(socket, from);
    } catch (error) {
      if (!isAborted()) throw error;
    } finally {
      signal?.removeEventListener('abort', abort);
      socket.destroy();
    }
  }

  /**
   * Captures packets of the device, as a pcapng file in pieces of any size. Only daemons of Litz
   * support this. A caller that is too slow loses packets of the capture; the device never waits.
   *
   * @param request what is recorded. A key log needs root.
   * @param options.signal stops recording. The iteration then ends with the rest of the file.
   * @throws {UapiError} the errno of the answer; `EIO`: the daemon could not be reached, or it has
   *   ended
   * @throws {WireGuardError} `ERR_LITZ_TIMEOUT`: the daemon does not answer
   */
  async *capture(
    request: CaptureRequest = {},
    options: { signal?: AbortSignal } = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    checkObject(options, 'options', ['signal']);
    const text = formatCaptureRequest(request);
    this.#checkFolder();
    yield* receiveCapture(this.path, text, { timeoutMs: this.#timeoutMs, ...options });
  }

  /** Yields reports. The iteration ends only with an error. */
  async *#reports(socket: Socket, from: number): AsyncGenerator<PeerChanges, never, undefined> {
    const { path } = this;
    const reports = new ReceivedReports(this.#maxResponseLength);
    let failure: Error | undefined;
    let hasReport = false;
    socket.setTimeout(this.#timeoutMs, () =>
      socket.destroy((failure = timeoutError(path, this.#timeoutMs))),
    );
    socket.write(`litz_changes=${from}\n\n`, 'latin1');
    try {
      for await (const bytes of socket as AsyncIterable<Buffer>) {
        for (const text of reports.push(bytes)) {
          const report = parsePeerChanges(text);
          hasReport = true;
          socket.setTimeout(0);
          yield report;
        }
        if (reports.isTooLong) throw connectionError(path, 'a report is too long');
      }
    } catch (error) {
      if (error instanceof WireGuardError) throw error;
      const { code } = error as NodeJS.ErrnoException;
      if (failure) throw failure;
      if (!ENDINGS.has(code ?? '')) {
        throw connectionError(path, explainFailure(error as Error), error as Error);
      }
    }
    throw connectionError(path, hasReport ? DAEMON_ENDED : NO_CHANGES);
  }

  #checkFolder(): void {
    const reason = this.#checksFolder ? untrustedFolder(dirname(this.path)) : undefined;
    if (reason !== undefined) throw connectionError(this.path, reason);
  }

  async #request(request: string): Promise<string> {
    const kept = this.#takeKept();
    try {
      return await this.#askAt(kept ?? this.#connect(), request);
    } catch (error) {
      if (!kept || !isUnread(error)) throw error;
      return this.#askAt(this.#connect(), request);
    }
  }

  async #askAt(connection: RequestConnection, request: string): Promise<string> {
    this.#busy.add(connection);
    try {
      return await connection.ask(request);
    } finally {
      this.#busy.delete(connection);
      if (this.#keepsConnection && !this.#kept && connection.isOpen) {
        connection.rest();
        this.#kept = connection;
      } else {
        connection.close();
      }
    }
  }

  /**
   * Takes the kept connection, so that no other request uses it. Returns undefined if it is not
   * open.
   */
  #takeKept(): RequestConnection | undefined {
    const kept = this.#kept;
    this.#kept = undefined;
    return kept?.isOpen === true ? kept : undefined;
  }

  #connect(): RequestConnection {
    this.#checkFolder();
    const [timeoutMs, maxResponseLength] = [this.#timeoutMs, this.#maxResponseLength];
    return new RequestConnection(this.path, { timeoutMs, maxResponseLength });
  }
}

function checkPath(path: unknown): void {
  if (typeof path !== 'string') {
    throw new TypeError(`"path" expected a string, got ${typeof path}`);
  }
  if (path === '' || path.includes('\0')) {
    throw new TypeError(`"path" expected the path of a socket, got ${quote(path)}`);
  }
  const { length } = Buffer.from(path);
  if (length <= LONGEST_PATH) return;
  throw new RangeError(`"path" expected at most ${LONGEST_PATH} bytes, got ${length}`);
}

/** Checks the name, because it becomes part of the path that is opened. */
function checkInterfaceName(name: unknown): void {
  if (typeof name === 'string' && isInterfaceName(name)) return;
  const got = typeof name === 'string' ? quote(name) : typeof name;
  throw new TypeError(`"interfaceName" expected the name of an interface, got ${got}`);
}

function checkNumber(name: string, value: number | undefined, most: number): void {
  if (value === undefined || (typeof value === 'number' && value > 0 && value <= most)) return;
  throw new RangeError(`"${name}" expected a number above 0, at most ${most}, got ${value}`);
}

/**
 * Returns whether the daemon closed the connection before it read the request. `EPIPE` and
 * `ECONNRESET` mean this at a Unix socket. So the request can be sent again, even a change that
 * must not be made twice.
 */
function isUnread(error: unknown): boolean {
  const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
  return code === 'EPIPE' || code === 'ECONNRESET';
}

/** Errors that mean that the other end closed the connection. */
const ENDINGS: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE']);
const DAEMON_ENDED = 'the daemon has ended: the connection for changes was closed';
const NO_CHANGES =
  'the daemon closed the connection: it is not Litz, or an older version that reports no changes';

/** The size of sun_path on Linux in bytes, without its final zero. */
const LONGEST_PATH = 107;
const SOCKET_DIRECTORY = '/var/run/wireguard';
/** The longest time of a timer, in ms. */
const LONGEST_TIMEOUT_MS: number = 2 ** 31 - 1;
const DEFAULT_TIMEOUT_MS = 5000;
const DEFAULT_MAX_RESPONSE_LENGTH: number = 256 * 1024 * 1024;
