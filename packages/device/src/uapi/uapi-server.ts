/**
 * `UapiServer`: the Unix socket over which `wg` and other programs ask and tell a device.
 *
 * The socket is made under a temporary name, gets its mode and is then renamed: nobody ever meets it
 * with another mode, and closing it removes nothing that somebody else has put in its place. It is
 * watched: who removes it wants the device to end, as with wireguard-go. A folder that another user can
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
import { PeerFeed } from './peer-feed.ts';
import { RequestMemory } from './request-memory.ts';
import type { UapiTarget } from './uapi-answers.ts';
import { UapiConnection } from './uapi-connection.ts';

export interface UapiServerOptions {
  /** Of the socket; its folder is made if need be. `UapiServer.path(name)` is where `wg` looks. */
  path: string;
  /** Bytes of one request; default 256 MiB. What is longer gets EINVAL. */
  maxRequestLength?: number;
  /**
   * Bytes that the requests of all connections may take together; default 256 MiB. When it is more, the
   * largest one that has not come to its end gets ENOMEM.
   */
  maxTotalLength?: number;
  /**
   * Default 60 s. After so long without a byte, a connection is closed on which no request has come yet,
   * or a part of one (that gets EIO), or that does not read its answer. A client may wait for as long as
   * it likes between two requests, and for changes of peers.
   */
  idleTimeoutMs?: number;
  /**
   * Default 4096. One more takes the place of the connection on which nothing has been asked for longest,
   * if that is more than a second: who is only connected keeps nobody out.
   */
  maxConnections?: number;
  /** A `get` or `set` was refused: why. Its text holds no key. */
  onRefused?: (error: Error) => void;
  /** Somebody removed or replaced the socket; the server has closed itself. */
  onRemoved?: () => void;
}

export class UapiServer {
  readonly path: string;
  readonly #server: Server;
  readonly #target: UapiTarget;
  readonly #options: UapiServerOptions;
  readonly #memory: RequestMemory;
  readonly #feed: PeerFeed | undefined;
  readonly #maxConnections: number;
  readonly #connections: Set<UapiConnection> = new Set();
  #lastSet: Promise<unknown> = Promise.resolve();
  #watcher: FSWatcher | undefined = undefined;
  #inode = -1;
  #closing: Promise<void> | undefined = undefined;

  /** The path for an interface, the same as wireguard-go's. */
  static path(interfaceName: string): string {
    return join('/var/run/wireguard', `${interfaceName}.sock`);
  }

  /**
   * Serves until it is closed. A socket that nobody answers on is replaced.
   *
   * @throws {WireGuardError} (rejects) `ERR_LITZ_SYSTEM`: somebody answers there, what is there is
   *   no socket, or it cannot be made; `cause` says why
   */
  static async listen(target: UapiTarget, options: UapiServerOptions): Promise<UapiServer> {
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

  private constructor(target: UapiTarget, options: UapiServerOptions) {
    this.#target = target;
    this.#options = options;
    this.path = options.path;
    this.#memory = new RequestMemory(options.maxTotalLength ?? DEFAULT_MAX_TOTAL_LENGTH);
    this.#feed = target.followPeers && new PeerFeed((listener) => target.followPeers!(listener));
    const halfOpen = { allowHalfOpen: true };
    this.#server = createServer(halfOpen, (socket) => this.#serve(socket));
    this.#maxConnections = options.maxConnections ?? DEFAULT_MAX_CONNECTIONS;
  }

  /** Lets the process end though the server listens. */
  unref(): this {
    this.#server.unref();
    this.#watcher?.unref();
    return this;
  }

  /** Removes the socket if it is still ours, and ends all connections. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#watcher?.close();
    if (this.#isOurs()) rmSync(this.path, { force: true });
    for (const connection of this.#connections) connection.close();
    this.#feed?.close();
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #listen(): Promise<void> {
    const { path } = this;
    if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
      throw notServed(path, `a socket's path has at most ${MAX_PATH_BYTES} bytes`);
    }
    inFolderOf(path, () => makeFolder(dirname(path)));
    refuseIfUntrusted(path);
    await refuseIfTaken(path);
    // Whatever the umask: nobody else enters the folder that it is made in.
    const folder = inFolderOf(path, () => mkdtempSync(join(dirname(path), '.litz-')));
    try {
      await this.#listenAt(join(folder, 's'));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    this.#server.on('error', ({ code }: NodeJS.ErrnoException) => {
      // There was no descriptor for somebody who connected: there is one for the next.
      if (code === 'EMFILE' || code === 'ENFILE') this.#closeQuietest();
    });
    this.#watch();
  }

  /** Makes the socket there, and moves it to its place. */
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
    // What wireguard-go gets with umask 077.
    chmodSync(temporary, 0o700);
    this.#inode = lstatSync(temporary).ino;
    // Somebody may have put another folder there in the meantime.
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
      return lstatSync(this.path).ino === this.#inode;
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

  /** One `set` after the other: two large ones at once would take the memory of both. */
  #inTurn(set: () => Promise<string>): Promise<string> {
    const answer = this.#lastSet.then(set);
    this.#lastSet = answer.catch(() => {});
    return answer;
  }

  /** Those who are only connected must not keep out who asks something. @returns whether there is one */
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

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
  } catch {
    // With `recursive` Node says ENOENT also of a file system that is read-only.
    mkdirSync(folder, { mode: 0o755 });
  }
  accessSync(folder, constants.W_OK);
}

function refuseIfUntrusted(path: string): void {
  const reason = untrustedFolder(dirname(path));
  if (reason !== undefined) throw notServed(path, reason);
}

/** What a missing or read-only /run makes of it, Node tells in words that name another path. */
function inFolderOf<T>(path: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const advice = 'make that a folder which this user can write to (in a container: --tmpfs /run)';
    throw notServed(path, `nothing can be made in ${dirname(path)}: ${code}; ${advice}`, error);
  }
}

async function refuseIfTaken(path: string): Promise<void> {
  try {
    if (!lstatSync(path).isSocket()) throw notServed(path, 'what is there is no socket');
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
  throw notServed(path, code === undefined ? 'another program serves it' : code);
}

function notServed(path: string, reason: string, cause?: unknown): WireGuardError {
  const text = `cannot serve ${path}: ${reason}`;
  return new WireGuardError('ERR_LITZ_SYSTEM', text, cause === undefined ? {} : { cause });
}

const DEFAULT_MAX_CONNECTIONS = 4096;
/** As wireguard-go has it; the kernel takes less if `net.core.somaxconn` is. */
const BACKLOG = 4096;
/** Who has connected a moment ago is about to ask. */
const QUIET_MS = 1000;
const DEFAULT_MAX_REQUEST_LENGTH: number = 256 * 1024 * 1024;
const DEFAULT_MAX_TOTAL_LENGTH: number = 256 * 1024 * 1024;
const DEFAULT_IDLE_TIMEOUT_MS = 60_000;
/** sockaddr_un.sun_path, with its end. */
const MAX_PATH_BYTES = 107;
