/**
 * `UapiServer`: the Unix socket through which `wg` and other programs read and configure a device.
 *
 * The socket is made under a temporary name, gets its mode, and is then renamed. So it is never
 * visible with another mode. Closing the server does not remove a file that another program has put
 * in the place of the socket. The socket is watched: if it is removed, the server ends and reports
 * this, because the device should then end, as with wireguard-go. A folder that another user can
 * write to is refused.
 *
 * @module
 */
import {
  accessSync,
  chmodSync,
  constants,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  watch,
  type FSWatcher,
} from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { WireGuardError } from '@litz/core';
import { untrustedFolder } from '@litz/config/uapi';
import { describe, isInterfaceName, quote } from '@litz/core/internals';
import { PeerFeed } from './peer-feed.ts';
import { RequestMemory } from './request-memory.ts';
import type { UapiTarget } from './uapi-answers.ts';
import { UapiConnection } from './uapi-connection.ts';
import { checkServerArguments, type UapiServerOptions } from './uapi-server-options.ts';

/**
 * Serves a device on a Unix socket, for `wg` and `UapiClient`.
 *
 * @example
 *
 * ```ts
 * import { mkdtempSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { Device, MemoryTun, UapiServer } from '@litz/device';
 * import { UapiClient } from '@litz/config/uapi';
 *
 * const device = await Device.create({ tun: new MemoryTun() });
 * // For the program `wg`, the path is UapiServer.path('wg0').
 * const path = join(mkdtempSync(join(tmpdir(), 'litz-')), 'memory.sock');
 * const server = await UapiServer.listen(device, { path });
 * await new UapiClient(path).set({ listenPort: 0 });
 * await server.close();
 * await device.close();
 * ```
 */
export class UapiServer {
  /** The path of the socket. */
  readonly path: string;
  #server: Server;
  readonly #target: UapiTarget;
  readonly #options: UapiServerOptions;
  readonly #memory: RequestMemory;
  readonly #feed: PeerFeed | undefined;
  readonly #maxConnections: number;
  readonly #connections: Set<UapiConnection> = new Set();
  #lastSet: Promise<unknown> = Promise.resolve();
  #watcher: FSWatcher | undefined = undefined;
  #inode = NO_INODE;
  #closing: Promise<void> | undefined = undefined;

  /**
   * Returns the path of the socket for an interface. It is the same as wireguard-go's.
   *
   * @throws {TypeError} `interfaceName` is not the name of an interface
   */
  static path(interfaceName: string): string {
    if (!isInterfaceName(interfaceName)) {
      const got =
        typeof interfaceName === 'string' ? quote(interfaceName) : describe(interfaceName);
      throw new TypeError(`"interfaceName" expected the name of an interface, got ${got}`);
    }
    return join('/var/run/wireguard', `${interfaceName}.sock`);
  }

  /**
   * Starts to serve. Replaces an existing socket that no program answers on.
   *
   * @param target the device; it belongs to the caller and is not closed
   * @throws {TypeError | RangeError} (rejects) an argument is wrong; the message names it
   * @throws {WireGuardError} (rejects) `ERR_LITZ_SYSTEM`: another program answers at `path`, the
   *   existing file is not a socket, or the socket cannot be made; `cause` is the error
   */
  static async listen(target: UapiTarget, options: UapiServerOptions): Promise<UapiServer> {
    checkServerArguments(target, options);
    const server = new UapiServer(target, options);
    try {
      await server.#listen();
      return server;
    } catch (error) {
      await server.close();
      if (error instanceof WireGuardError) throw error;
      throw notServed(options.path, (error as Error).message, error);
    }
  }

  /**
   * Serves on the socket of another process. The socket is still at its path.
   *
   * @param fd the listening socket; it belongs to the server from now on
   * @throws as `listen` does
   */
  static async adopt(
    target: UapiTarget,
    options: UapiServerOptions,
    fd: number,
  ): Promise<UapiServer> {
    checkServerArguments(target, options);
    const server = new UapiServer(target, options);
    try {
      server.#inode = inodeOf(options.path);
      await server.resume(fd);
      server.#watch();
      return server;
    } catch (error) {
      // The other process goes on, and its socket stays.
      await server.release();
      throw notServed(options.path, (error as Error).message, error);
    }
  }

  private constructor(target: UapiTarget, options: UapiServerOptions) {
    this.#target = target;
    this.#options = options;
    this.path = options.path;
    this.#memory = new RequestMemory(options.maxTotalLength ?? DEFAULT_MAX_TOTAL_LENGTH);
    this.#feed = target.followPeers && new PeerFeed((listener) => target.followPeers!(listener));
    this.#server = this.#createServer();
    this.#maxConnections = options.maxConnections ?? DEFAULT_MAX_CONNECTIONS;
  }

  /** Lets the process end while the server listens. */
  unref(): this {
    this.#server.unref();
    this.#watcher?.unref();
    return this;
  }

  /** The descriptor of the listening socket; -1 if there is none. */
  get fd(): number {
    // Node.js has no public way to read the descriptor of a server.
    return (this.#server as { _handle?: { fd?: number } })._handle?.fd ?? -1;
  }

  /**
   * Takes no new clients, and ends the captures. Resolves when no request is in progress, or after
   * a second. Clients that connect meanwhile wait, as long as a copy of the listening socket is
   * open.
   */
  async pause(): Promise<void> {
    this.#server.close();
    this.#stopCaptures('a new process takes the place of the daemon (litz upgrade)');
    await this.#until(({ isBusy }) => !isBusy);
  }

  /** Takes clients again. @param fd a copy of the listening socket, which the server takes over */
  async resume(fd: number): Promise<void> {
    this.#server = this.#createServer();
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen({ fd }, () => {
        this.#server.off('error', reject);
        this.#watchErrors();
        resolve();
      });
    });
  }

  /** Ends all connections, and leaves the socket to another process. */
  async release(): Promise<void> {
    this.#inode = NO_INODE;
    await this.close();
  }

  /**
   * Removes the socket if it is still this server's, and ends all connections. A capture is first
   * sent to its end, for at most a second.
   *
   * @throws {Error} (rejects) the socket cannot be removed; all else is done
   */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#watcher?.close();
    try {
      if (this.#isOurs()) rmSync(this.path, { force: true });
    } finally {
      await this.#endConnections();
    }
  }

  async #endConnections(): Promise<void> {
    const closed = this.#server.listening
      ? new Promise((resolve) => this.#server.close(resolve))
      : Promise.resolve();
    if ([...this.#connections].some(({ isCapturing }) => isCapturing)) {
      this.#stopCaptures('the daemon has ended');
      await this.#until(({ isCapturing }) => !isCapturing);
    }
    for (const connection of this.#connections) connection.close();
    this.#feed?.close();
    await closed;
  }

  #stopCaptures(reason: string): void {
    for (const connection of this.#connections) connection.stopCapture(reason);
  }

  /** Resolves when `isDone` is true for all connections, or after a second. */
  async #until(isDone: (connection: UapiConnection) => boolean): Promise<void> {
    const end = performance.now() + LONGEST_PAUSE_MS;
    do await new Promise((resolve) => setTimeout(resolve, 1));
    while (![...this.#connections].every(isDone) && performance.now() < end);
  }

  async #listen(): Promise<void> {
    const { path } = this;
    if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
      throw notServed(path, `a socket's path has at most ${MAX_PATH_BYTES} bytes`);
    }
    inFolderOf(path, () => makeFolder(dirname(path)));
    refuseIfUntrusted(path);
    await refuseIfTaken(path);
    // This folder has mode 0700 whatever the umask, so no other user can reach the socket in it.
    const folder = inFolderOf(path, () => mkdtempSync(join(dirname(path), '.litz-')));
    try {
      await this.#listenAt(join(folder, 's'));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    this.#watchErrors();
    this.#watch();
  }

  #createServer(): Server {
    return createServer({ allowHalfOpen: true }, (socket) => this.#serve(socket));
  }

  #watchErrors(): void {
    this.#server.on('error', ({ code }: NodeJS.ErrnoException) => {
      // There was no descriptor left for a new connection. Closing a connection frees a descriptor
      // for the next one.
      if (code === 'EMFILE' || code === 'ENFILE') this.#closeQuietest();
    });
  }

  /** Makes the socket at a temporary path, and renames it to its final path. */
  async #listenAt(temporary: string): Promise<void> {
    if (Buffer.byteLength(temporary) > MAX_PATH_BYTES) {
      throw notServed(this.path, `${temporary} has more than ${MAX_PATH_BYTES} bytes`);
    }
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ path: temporary, backlog: BACKLOG }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    // The mode that wireguard-go gets with umask 077.
    chmodSync(temporary, 0o700);
    this.#inode = inodeOf(temporary);
    // Another program may have replaced the folder meanwhile.
    refuseIfUntrusted(this.path);
    renameSync(temporary, this.path);
  }

  #watch(): void {
    const name = basename(this.path);
    this.#watcher = watch(dirname(this.path), (_event, changed) => {
      if ((changed === null || changed === name) && !this.#isOurs()) this.#removed();
    });
    // The whole folder was removed.
    this.#watcher.on('error', () => this.#removed());
  }

  #removed(): void {
    if (this.#closing) return;
    void this.close().then(() => this.#options.onRemoved?.());
  }

  #isOurs(): boolean {
    try {
      return inodeOf(this.path) === this.#inode;
    } catch {
      return false;
    }
  }

  #serve(socket: Socket): void {
    const connection = new UapiConnection(socket, {
      target: this.#target,
      maxRequestLength: this.#options.maxRequestLength ?? DEFAULT_MAX_REQUEST_LENGTH,
      memory: this.#memory,
      feed: this.#feed,
      idleTimeoutMs: this.#options.idleTimeoutMs ?? DEFAULT_IDLE_TIMEOUT_MS,
      inTurn: (set) => this.#inTurn(set),
      onRefused: (error) => this.#options.onRefused?.(error),
      onClose: (closed) => this.#connections.delete(closed),
    });
    this.#connections.add(connection);
    if (this.#connections.size <= this.#maxConnections) return;
    if (!this.#closeQuietest()) connection.close();
  }

  /**
   * Runs one `set` after the other. Two large ones at the same time would need memory for both.
   */
  #inTurn(set: () => Promise<string>): Promise<string> {
    const answer = this.#lastSet.then(set);
    this.#lastSet = answer.catch(() => {});
    return answer;
  }

  /**
   * Closes the connection that has been quiet for the longest time, if it has been quiet for more
   * than a second.
   *
   * @returns whether a connection was closed
   */
  #closeQuietest(): boolean {
    let quietest: UapiConnection | undefined;
    let longest = QUIET_MS;
    for (const connection of this.#connections) {
      const { quietMs } = connection;
      if (quietMs <= longest) continue;
      quietest = connection;
      longest = quietMs;
    }
    quietest?.close();
    return quietest !== undefined;
  }
}

/**
 * Returns the number of the inode. Throws as `lstatSync` does. Big integers avoid a fault of
 * Node.js: after it has returned the mode of a socket or a pipe as a number, it does not follow
 * symbolic links to modules (https://github.com/nodejs/node/issues/51142).
 */
function inodeOf(path: string): bigint {
  return lstatSync(path, { bigint: true }).ino;
}

function makeFolder(folder: string): void {
  try {
    const isThere = lstatSync(folder, { throwIfNoEntry: false }) !== undefined;
    if (!isThere) mkdirSync(folder, { recursive: true, mode: 0o755 });
  } catch {
    // With `recursive`, Node.js also reports ENOENT for a read-only file system. This call throws
    // the right error.
    mkdirSync(folder, { mode: 0o755 });
  }
  accessSync(folder, constants.W_OK);
}

function refuseIfUntrusted(path: string): void {
  const reason = untrustedFolder(dirname(path));
  if (reason !== undefined) throw notServed(path, reason);
}

/**
 * Runs `make`, which makes the folder of `path` or a file in it. Its errors would name a path that
 * the user does not know. So they are replaced by an error that says what to do.
 */
function inFolderOf<T>(path: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Without CAP_DAC_OVERRIDE, root cannot write to the folder of another user. Litz does not
    // trust the folder of another user anyway, and an error that says so helps the user more.
    if (code === 'EACCES') refuseIfUntrusted(path);
    const advice = code === 'ENOSPC' ? FULL : NOT_WRITABLE;
    throw notServed(path, `cannot create a file in ${dirname(path)}: ${code}; ${advice}`, error);
  }
}

async function refuseIfTaken(path: string): Promise<void> {
  try {
    if (!lstatSync(path, { bigint: true }).isSocket())
      throw notServed(path, 'the existing file is not a socket');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const code = await new Promise<string | undefined>((resolve) => {
    const socket = createConnection(path);
    socket.on('connect', () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code));
  });
  if (code === 'ECONNREFUSED' || code === 'ENOENT') return;
  if (code === 'EACCES') throw notServed(path, OTHER_USER);
  throw notServed(path, code === undefined ? 'another program serves it' : code);
}

function notServed(path: string, reason: string, cause?: unknown): WireGuardError {
  const text = `cannot serve ${path}: ${reason}`;
  return new WireGuardError('ERR_LITZ_SYSTEM', text, cause === undefined ? {} : { cause });
}

const NO_INODE = -1n;
const FULL = 'its file system is full (df, df -i): remove files there';
const NOT_WRITABLE = 'expected a folder that this user can write to (in a container: --tmpfs /run)';
const OTHER_USER =
  'the socket of another user is there, and this user may not connect to it; if its daemon has ended, remove it';
const DEFAULT_MAX_CONNECTIONS = 4096;
/** The same number as in wireguard-go. The kernel uses less if `net.core.somaxconn` is less. */
const BACKLOG = 4096;
/**
 * In ms. A connection that was used less than this long ago is never closed to make room for
 * another one.
 */
const QUIET_MS = 1000;
const LONGEST_PAUSE_MS = 1000;
const DEFAULT_MAX_REQUEST_LENGTH: number = 256 * 1024 * 1024;
const DEFAULT_MAX_TOTAL_LENGTH: number = 256 * 1024 * 1024;
const DEFAULT_IDLE_TIMEOUT_MS = 60_000;
/** Length in bytes of sockaddr_un.sun_path without its final zero. */
const MAX_PATH_BYTES = 107;
