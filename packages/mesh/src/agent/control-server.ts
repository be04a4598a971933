/**
 * `ControlServer`: the socket over which `litz agent status` and its like ask a running agent.
 *
 * A request is a line of JSON, and so is its answer; a connection is for one request. Whoever may connect
 * may take the node out of the mesh, so the socket is root's alone, in a folder that nobody else can
 * write to.
 *
 * @module
 */
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { untrustedFolder } from '@litz/config/uapi';
import { isControlRequest, type ControlAnswer, type ControlRequest } from './control-request.ts';

export class ControlError extends Error {
  override readonly name = 'ControlError';
}

export class ControlServer {
  readonly path: string;
  readonly #server: Server;
  /** Connections on which nothing was asked yet. */
  readonly #waiting: Set<Socket> = new Set();
  #inode = -1;

  /**
   * @param answer what is asked; what it throws is told to whoever asked
   * @throws {ControlError} another agent answers there, or the socket can't be made
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
      const { code, message } = error as NodeJS.ErrnoException;
      throw new ControlError(`cannot serve ${path}: ${code ?? message}`, { cause: error });
    }
  }

  private constructor(path: string, answer: (request: ControlRequest) => Promise<unknown>) {
    this.path = path;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      this.#waiting.add(socket);
      serve(socket, async (line) => {
        this.#waiting.delete(socket);
        await reply(socket, line, answer);
      });
      socket.once('close', () => this.#waiting.delete(socket));
    });
  }

  /** What was asked is still answered. */
  close(): void {
    this.#server.close();
    for (const socket of this.#waiting) socket.destroy();
    if (inodeOf(this.path) === this.#inode) rmSync(this.path, { force: true });
  }

  async #listen(): Promise<void> {
    const folder = dirname(this.path);
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    refuseUntrusted(this.path, folder);
    if (await isAnswered(this.path)) {
      throw new ControlError(`cannot serve ${this.path}: an agent runs already for this interface`);
    }
    // Nobody ever meets it with another mode.
    const made = mkdtempSync(join(folder, '.agent-'));
    try {
      const temporary = join(made, 's');
      await new Promise<void>((resolve, reject) => {
        this.#server.once('error', reject);
        this.#server.listen(temporary, () => resolve());
      });
      chmodSync(temporary, 0o600);
      this.#inode = inodeOf(temporary) ?? -1;
      refuseUntrusted(this.path, folder);
      renameSync(temporary, this.path);
    } finally {
      rmSync(made, { recursive: true, force: true });
    }
    this.#server.on('error', () => {});
  }
}

/** Where the agent of an interface has its socket. */
export function controlPath(interfaceName: string, folder = '/var/run/litz'): string {
  return join(folder, `agent-${interfaceName}.sock`);
}

function serve(socket: Socket, onLine: (line: string) => Promise<void>): void {
  let text = '';
  socket.setEncoding('utf8');
  socket.setTimeout(IDLE_MS, () => {
    if (!text.includes('\n')) socket.destroy();
  });
  socket.on('error', () => socket.destroy());
  // Who has asked may have said all that they have to say.
  socket.on('end', () => {
    if (!text.includes('\n')) socket.destroy();
  });
  socket.on('data', (piece: string) => {
    if (text.includes('\n')) return;
    text += piece;
    if (text.length > MOST_CHARACTERS) socket.destroy();
    else if (text.includes('\n')) void onLine(text.slice(0, text.indexOf('\n')));
  });
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
}

function refuseUntrusted(path: string, folder: string): void {
  const reason = untrustedFolder(folder);
  if (reason !== undefined) throw new ControlError(`cannot serve ${path}: ${reason}`);
}

function inodeOf(path: string): number | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.ino;
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

const IDLE_MS = 10_000;
const MOST_CHARACTERS = 10_000;
