/**
 * `ControlServer`: the Unix socket on which a running agent answers `litz agent status` and similar
 * commands.
 *
 * A request is one line of JSON, and so is the answer. Each connection carries one request. Every
 * client that can connect can also take the node out of the mesh. So only root can open the socket,
 * and only root can write to its directory.
 *
 * @module
 */
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { inodeOf, readLine, untrustedFolder } from '@litz/config/uapi';
import { explainFileError } from '../file-error.ts';
import { isControlRequest, type ControlAnswer, type ControlRequest } from './control-request.ts';

/** The socket of an agent cannot be served, or a request is not known. */
export class ControlError extends Error {
  override readonly name = 'ControlError';
}

/** The Unix socket on which a running agent answers requests. */
export class ControlServer {
  readonly path: string;
  readonly #server: Server;
  /** Connections that have not sent a request yet. */
  readonly #waiting: Set<Socket> = new Set();
  #inode: bigint | undefined = undefined;

  /**
   * @param answer handles a request; the message of an error is sent to the client
   * @throws {ControlError} another agent listens on `path`, or the socket cannot be created
   */
  static async listen(
    path: string,
    answer: (request: ControlRequest) => Promise<unknown>,
  ): Promise<ControlServer> {
    const server = new ControlServer(path, answer);
    try {
      await server.#listen();
      return server;
    } catch (error) {
      if (error instanceof ControlError) throw error;
      throw new ControlError(`cannot serve ${path}: ${explainFileError(error)}`, { cause: error });
    }
  }

  private constructor(path: string, answer: (request: ControlRequest) => Promise<unknown>) {
    this.path = path;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      void this.#serve(socket, answer);
    });
  }

  /** Stops listening. Requests that were already received are still answered. */
  close(): void {
    this.#server.close();
    for (const socket of this.#waiting) socket.destroy();
    const inode = inodeOf(this.path);
    if (inode !== undefined && inode === this.#inode) rmSync(this.path, { force: true });
  }

  /** Reads one request, and answers it. A client may close its side after the request. */
  async #serve(
    socket: Socket,
    answer: (request: ControlRequest) => Promise<unknown>,
  ): Promise<void> {
    this.#waiting.add(socket);
    const limits = { longest: LONGEST_REQUEST, longestMs: REQUEST_MS };
    const line = await readLine(socket, limits).catch(() => undefined);
    this.#waiting.delete(socket);
    if (line === undefined) socket.destroy();
    else await reply(socket, line, answer);
  }

  async #listen(): Promise<void> {
    const folder = dirname(this.path);
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    refuseUntrusted(this.path, folder);
    if (await isAnswered(this.path)) {
      throw new ControlError(
        `cannot serve ${this.path}: an agent is already running for this interface`,
      );
    }
    // The socket is created in a private directory, where no client can connect to it. It is moved
    // to its path only after its permissions are set.
    const made = mkdtempSync(join(folder, '.agent-'));
    try {
      const temporary = join(made, 's');
      await new Promise<void>((resolve, reject) => {
        this.#server.once('error', reject);
        this.#server.listen(temporary, () => resolve());
      });
      chmodSync(temporary, 0o600);
      this.#inode = inodeOf(temporary);
      refuseUntrusted(this.path, folder);
      renameSync(temporary, this.path);
    } finally {
      rmSync(made, { recursive: true, force: true });
    }
    this.#server.on('error', () => {});
  }
}

/** Returns the path of the socket of an interface's agent. */
export function controlPath(interfaceName: string, folder = '/var/run/litz'): string {
  return join(folder, `agent-${interfaceName}.sock`);
}

async function reply(
  socket: Socket,
  line: string,
  answer: (request: ControlRequest) => Promise<unknown>,
): Promise<void> {
  let result: ControlAnswer;
  try {
    const request: unknown = JSON.parse(line);
    if (!isControlRequest(request)) throw new ControlError('the agent does not know this command');
    result = { ok: true, result: await answer(request) };
  } catch (error) {
    result = { ok: false, error: (error as Error).message };
  }
  socket.end(`${JSON.stringify(result)}\n`);
  socket.setTimeout(READING_MS, () => socket.destroy());
}

function refuseUntrusted(path: string, folder: string): void {
  const reason = untrustedFolder(folder);
  if (reason !== undefined) throw new ControlError(`cannot serve ${path}: ${reason}`);
}

async function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

/** How long a client may take to send its request, in ms. */
const REQUEST_MS = 10_000;
/** In ms. A client that reads nothing of its answer for this time is disconnected. */
const READING_MS = 10_000;
/** In bytes. */
const LONGEST_REQUEST = 10_000;
