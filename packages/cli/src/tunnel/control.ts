/**
 * `ControlServer` and `askTunnel`: how `litz down`, `litz reload`, `litz save` and `litz upgrade`
 * talk to the process of a tunnel or a daemon.
 *
 * ```
 *   /run/litz/tunnels/wg0.sock
 *   > {"do":"reload","file":"/etc/wireguard/wg0.conf"}
 *   < {"line":"..."}          any number, for the user
 *   < {"done":true}           or {"failure":"..."}
 * ```
 *
 * Only the owner may enter the folder. One request per connection.
 *
 * @module
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { inodeOf, linesOf, readLine, untrustedFolder } from '@litz/config/uapi';
import { describeFailure, Failure } from '../failure.ts';

/**
 * What a tunnel or a daemon is asked to do. `file`: an absolute path; default: the file of the
 * tunnel.
 */
export type ControlRequest =
  | { readonly do: 'down' }
  | { readonly do: 'save' }
  | { readonly do: 'upgrade' }
  | { readonly do: 'take-over' }
  | { readonly do: 'reload'; readonly file?: string };

/** Carries out a request. `say` sends a line to the user who asked. */
export type ControlHandler = (
  request: ControlRequest,
  say: (line: string) => void,
) => Promise<void>;

/** Serves the requests for one tunnel or daemon. */
export class ControlServer {
  readonly #path: string;
  readonly #server: Server;
  readonly #answers: Set<Promise<void>> = new Set();
  #inode: bigint | undefined = undefined;

  /** @throws {Error} (rejects) the socket cannot be made; the message says why */
  static async listen(
    name: string,
    handler: ControlHandler,
    folder: string = FOLDER,
  ): Promise<ControlServer> {
    const path = join(folder, `${name}.sock`);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const reason = untrustedFolder(folder);
    if (reason !== undefined) throw new Error(reason);
    const other = await connectTo(path);
    if (other) {
      other.destroy();
      throw new Error(`a tunnel in another network namespace uses ${path}`);
    }
    rmSync(path, { force: true });
    const control = new ControlServer(path, handler);
    // When a server closes, Node.js removes the path at which the server was made, even if another
    // process has a socket there by then. So the server is made at a temporary path, which is then
    // renamed. The temporary path has a random part instead of the process ID, because processes in
    // two containers may have the same ID.
    const temporary = `${path}.${randomUUID()}`;
    await new Promise<void>((resolve, reject) => {
      control.#server.once('error', reject).listen(temporary, resolve);
    });
    renameSync(temporary, path);
    control.#inode = inodeOf(path);
    control.#server.unref();
    return control;
  }

  private constructor(path: string, handler: ControlHandler) {
    this.#path = path;
    this.#server = createServer((socket) => {
      const answer = serve(socket, handler).finally(() => this.#answers.delete(answer));
      this.#answers.add(answer);
    });
  }

  /**
   * Removes the socket, and resolves when all requests are answered.
   *
   * @throws {Error} (rejects) the socket cannot be removed; the server is closed all the same
   */
  async close(): Promise<void> {
    const inode = inodeOf(this.#path);
    try {
      if (inode !== undefined && inode === this.#inode) rmSync(this.#path, { force: true });
    } finally {
      this.#server.close();
      await Promise.all(this.#answers);
    }
  }
}

/**
 * Sends a request to the process of a tunnel. Resolves when the process has carried it out.
 *
 * @param print called with each line for the user
 * @returns 'absent': no such process runs. 'killed': the process was killed, and its
 *   socket was left.
 * @throws {Failure} (rejects) the request failed, or this user may not send it
 */
export async function askTunnel(
  name: string,
  request: ControlRequest,
  print: (line: string) => void,
  folder: string = FOLDER,
): Promise<'done' | 'absent' | 'killed'> {
  const path = join(folder, `${name}.sock`);
  // A request for an upgrade has no secret, and root may send it to the daemon of another user.
  const reason = request.do === 'upgrade' ? undefined : untrustedFolder(folder);
  if (reason !== undefined) throw new Failure(reason);
  const socket = await connectTo(path);
  if (!socket) {
    if (inodeOf(path) === undefined) return 'absent';
    // For an upgrade, the folder may belong to another user, who may have put another file there.
    // So the path is not removed.
    if (request.do !== 'upgrade') rmSync(path, { force: true });
    return 'killed';
  }
  if (request.do === 'take-over') {
    const late = new Failure(
      `the process of ${name} does not answer within ${SILENCE_MS / 1000} s`,
    );
    socket.setTimeout(SILENCE_MS, () => socket.destroy(late));
  }
  socket.write(`${JSON.stringify(request)}\n`);
  try {
    for await (const text of linesOf(socket, LONGEST_ANSWER)) {
      const answer = JSON.parse(text) as { line?: string; failure?: string; done?: true };
      if (answer.line !== undefined) print(answer.line);
      if (answer.failure !== undefined) throw new Failure(answer.failure);
      if (answer.done) return 'done';
    }
  } finally {
    socket.destroy();
  }
  throw new Failure(`the process of ${name} ended before it answered`);
}

/** Reads one request, and answers it. Never rejects. */
async function serve(socket: Socket, handler: ControlHandler): Promise<void> {
  try {
    await answerOne(socket, handler);
  } catch {
    // The connection was lost before there was a request.
    socket.destroy();
  }
}

async function answerOne(socket: Socket, handler: ControlHandler): Promise<void> {
  const send = (answer: object): void => void socket.write(`${JSON.stringify(answer)}\n`);
  const text = await readLine(socket, { longest: LONGEST_REQUEST, longestMs: REQUEST_MS });
  if (text !== undefined) {
    try {
      await handler(readRequest(text), (line) => send({ line }));
      send({ done: true });
    } catch (error) {
      send({ failure: describeFailure(error) });
    }
  }
  await new Promise<void>((resolve) => {
    if (socket.destroyed) resolve();
    else
      socket
        .once('close', resolve)
        .setTimeout(LAST_MS, () => socket.destroy())
        .end();
  });
}

function readRequest(text: string): ControlRequest {
  const { do: what, file } = parseObject(text);
  if (what === 'down' || what === 'save') return { do: what };
  if (what === 'upgrade' || what === 'take-over') return { do: what };
  if (what === 'reload' && typeof file === 'string') return { do: what, file };
  if (what === 'reload' && file === undefined) return { do: what };
  throw new Failure('the tunnel was started by another version of litz, which cannot do this');
}

function parseObject(text: string): { do?: unknown; file?: unknown } {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // It is not JSON.
  }
  throw new Failure('the request is not a JSON object');
}

/** Returns undefined if no process serves the socket. */
async function connectTo(path: string): Promise<Socket | undefined> {
  const socket = createConnection(path);
  return new Promise((resolve, reject) => {
    socket.once('connect', () => resolve(socket));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(undefined);
      else if (error.code === 'EACCES')
        reject(new Failure(`${dirname(path)} is for its owner: EACCES`));
      else reject(error);
    });
  });
}

const FOLDER = '/run/litz/tunnels';
/** In bytes. A path has at most 4096 bytes, and JSON may need six characters for one byte. */
const LONGEST_REQUEST = 32_768;
/** In bytes. An answer may be a long line for the user, such as the output of a hook. */
const LONGEST_ANSWER: number = 1024 * 1024;
/** How long a client may take for its request, in ms. */
const REQUEST_MS = 5000;
/** How long a process may take to answer a request to take over, in ms. */
const SILENCE_MS = 20_000;
/** How long a client may take to read the last answer, in ms. */
const LAST_MS = 1000;
