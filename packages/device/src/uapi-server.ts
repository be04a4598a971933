/**
 * `UapiServer`: the Unix socket over which `wg` and other programs ask and tell a device.
 *
 * The socket is made under a temporary name, gets its mode and is then renamed: nobody ever meets it
 * with another mode, and closing it removes nothing that somebody else has put in its place. It is
 * watched: who removes it wants the device to end, as with wireguard-go.
 *
 * @module
 */
import {
  chmodSync,
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
import {
  formatErrnoResponse,
  formatGetResponse,
  parseSetRequest,
  RequestSplitter,
  UAPI_ERRNO,
  UapiError,
  type DeviceConfiguration,
  type DeviceStatus,
  type UapiRequest,
} from '@litz/config';

/** What is served; a `Device` is one. */
export interface UapiTarget {
  status(): Promise<DeviceStatus>;
  configure(change: DeviceConfiguration): Promise<void>;
}

export interface UapiServerOptions {
  /** Of the socket; its folder is made if need be. `UapiServer.path(name)` is where `wg` looks. */
  path: string;
  /** Bytes of one request; default 256 MiB. */
  maxRequestLength?: number;
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
  readonly #connections: Set<Socket> = new Set();
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
    this.#server = createServer((socket) => this.#serve(socket));
    this.#server.maxConnections = MAX_CONNECTIONS;
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
    for (const socket of this.#connections) socket.destroy();
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #listen(): Promise<void> {
    const { path } = this;
    if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
      throw notServed(path, `a socket's path has at most ${MAX_PATH_BYTES} bytes`);
    }
    inFolderOf(path, () => makeFolder(dirname(path)));
    await refuseIfTaken(path);
    // Whatever the umask: nobody else enters the folder that it is made in.
    const folder = inFolderOf(path, () => mkdtempSync(join(dirname(path), '.litz-')));
    try {
      await this.#listenAt(join(folder, 's'));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    this.#server.on('error', () => {});
    this.#watch();
  }

  /** Makes the socket there, and moves it to its place. */
  async #listenAt(temporary: string): Promise<void> {
    if (Buffer.byteLength(temporary) > MAX_PATH_BYTES) {
      throw notServed(this.path, `${temporary} has more than ${MAX_PATH_BYTES} bytes`);
    }
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ path: temporary }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    // What wireguard-go gets with umask 077.
    chmodSync(temporary, 0o700);
    this.#inode = lstatSync(temporary).ino;
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
    const { maxRequestLength } = this.#options;
    const splitter = new RequestSplitter(
      maxRequestLength === undefined ? {} : { maxLength: maxRequestLength },
    );
    this.#connections.add(socket);
    socket.on('close', () => this.#connections.delete(socket));
    // Whoever hangs up while we answer has no use for it.
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      const requests = splitter.push(bytes);
      if (requests.length === 0) return;
      // Answered in order, and no more is read until then: the memory for it is bounded.
      socket.pause();
      void this.#answerAll(socket, requests).then(() => socket.resume());
    });
  }

  async #answerAll(socket: Socket, requests: readonly UapiRequest[]): Promise<void> {
    for (const request of requests) {
      const text = await this.#answer(request);
      if (socket.destroyed) return;
      const isLast = request.operation === 'invalid';
      await new Promise<void>((resolve) => {
        if (isLast) socket.end(text, 'latin1', () => resolve());
        else socket.write(text, 'latin1', () => resolve());
      });
    }
  }

  /** Never rejects: what goes wrong is an errno. */
  async #answer(request: UapiRequest): Promise<string> {
    try {
      if (request.operation === 'get') return formatGetResponse(await this.#target.status());
      if (request.operation === 'set') {
        await this.#target.configure(parseSetRequest(request.body));
        return formatErrnoResponse(0);
      }
      return request.errno === undefined ? '' : formatErrnoResponse(request.errno);
    } catch (error) {
      this.#options.onRefused?.(error as Error);
      return formatErrnoResponse(errnoOf(error));
    }
  }
}

/** As wireguard-go has them: whatever is wrong with port or mark is EADDRINUSE. */
function errnoOf(error: unknown): number {
  if (error instanceof UapiError) return error.errno;
  if (error instanceof TypeError || error instanceof RangeError) return UAPI_ERRNO.EINVAL;
  if (error instanceof WireGuardError && 'syscall' in error) return UAPI_ERRNO.EADDRINUSE;
  // The zone of no interface.
  if (error instanceof WireGuardError && error.code === 'ERR_LITZ_INVALID_ENDPOINT') {
    return UAPI_ERRNO.EINVAL;
  }
  const isUnsupported =
    error instanceof WireGuardError && error.code === 'ERR_LITZ_UNSUPPORTED_PLATFORM';
  return isUnsupported ? UAPI_ERRNO.EADDRINUSE : UAPI_ERRNO.EIO;
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
  } catch {
    // With `recursive` Node says ENOENT also of a file system that is read-only.
    mkdirSync(folder, { mode: 0o755 });
  }
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

const MAX_CONNECTIONS = 64;
/** sockaddr_un.sun_path, with its end. */
const MAX_PATH_BYTES = 107;
