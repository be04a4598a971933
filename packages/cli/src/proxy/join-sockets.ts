/**
 * `joinSockets`: passes bytes between two connections, in both directions. `dial`: opens a
 * connection. `reset`: ends a connection at once.
 *
 * The end of one direction is passed on as the end of that direction only (half-close). A reset is
 * passed on as a reset. A slow reader slows the sender down, because the streams are piped.
 *
 * @module
 */
import type { Target } from './addresses.ts';
import type { ServiceCounts } from './proxy-counts.ts';
import type { ProxyNetwork, StreamSocket } from './proxy-network.ts';

/**
 * Passes bytes in both directions until both have ended, or one connection is lost. Resolves when
 * both connections are closed.
 *
 * @param client the side that opened the connection
 */
export async function joinSockets(
  client: StreamSocket,
  target: StreamSocket,
  counts: ServiceCounts,
): Promise<void> {
  const idle = new HalfClosedTimer(() => {
    client.destroy();
    target.destroy();
  });
  counts.open++;
  counts.opened++;
  client.on('data', (bytes: Uint8Array) => {
    counts.bytesForth += bytes.length;
    idle.refresh();
  });
  target.on('data', (bytes: Uint8Array) => {
    counts.bytesBack += bytes.length;
    idle.refresh();
  });
  const closed = [follow(client, target, idle), follow(target, client, idle)];
  client.pipe(target);
  target.pipe(client);
  await Promise.all(closed);
  idle.stop();
  counts.open--;
}

/**
 * Opens a connection. Resolves when it is open.
 *
 * @param options.client the client's connection, which waits for the new connection. When the
 *   client's connection is lost, the attempt ends. When the client ends its side, the target gets
 *   only some more seconds to answer, because the client may have been killed. A client that was
 *   killed looks the same as a client that has sent everything.
 * @param options.allowHalfOpen whether this side stays open when the target has ended its side;
 *   default: true
 * @throws the error of the connection; `ETIMEDOUT`: nobody has answered within the time limit,
 *   which is a minute by default; `ECANCELED`: the client's connection was lost
 */
export async function dial(
  network: ProxyNetwork,
  target: Target,
  options: { client?: StreamSocket; timeoutMs?: number; allowHalfOpen?: boolean } = {},
): Promise<StreamSocket> {
  const { client, timeoutMs = DIAL_MS, allowHalfOpen = true } = options;
  const controller = new AbortController();
  const onLost = (): void => controller.abort(lostClient());
  let timer = setTimeout(() => controller.abort(timeoutOf(target)), timeoutMs);
  const forget =
    client &&
    watch(client, onLost, () => {
      clearTimeout(timer);
      timer = setTimeout(onLost, Math.min(timeoutMs, ENDED_MS));
    });
  try {
    if (client?.destroyed === true) throw lostClient();
    return await connected(() =>
      network.connect({ ...target, allowHalfOpen, signal: controller.signal }),
    );
  } catch (error) {
    // Node.js rejects with an AbortError, which has the reason as its cause.
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    clearTimeout(timer);
    forget?.();
  }
}

/**
 * Resets a connection. So the program at its other end gets an error, and does not believe that the
 * stream ended regularly. A socket that is still connecting, or that has no reset, is destroyed.
 */
export function reset(socket: StreamSocket): void {
  const { resetAndDestroy } = socket as { resetAndDestroy?: () => void };
  if (socket.destroyed) return;
  if (resetAndDestroy && !socket.connecting) resetAndDestroy.call(socket);
  else socket.destroy();
}

/**
 * Watches a client from which nobody reads yet. The bytes of the client stay in its stream.
 *
 * @param onLost called when the client's connection is closed
 * @param onEnd called when the client has ended its side and no bytes wait in its stream
 * @returns a function that ends the watch
 */
function watch(client: StreamSocket, onLost: () => void, onEnd: () => void): () => void {
  // A stream that has ended emits 'end' only after a call of `read`. So `look` calls `read`, but
  // only when no bytes wait in the stream: then the call takes no bytes.
  const look = (): void => void (client.readableLength === 0 && client.read());
  client.once('close', onLost);
  client.once('end', onEnd);
  client.on('readable', look);
  return () => {
    client.off('close', onLost);
    client.off('end', onEnd);
    client.off('readable', look);
  };
}

function connected(connect: () => StreamSocket): Promise<StreamSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect();
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

/** Resets `other` when `socket` is lost. Resolves when `socket` is closed. */
function follow(socket: StreamSocket, other: StreamSocket, idle: HalfClosedTimer): Promise<void> {
  return new Promise((resolve) => {
    const onClose = (): void => {
      // After a regular end, the other side may still have bytes to send.
      if (!socket.readableEnded || !socket.writableFinished) reset(other);
      resolve();
    };
    if (socket.readableEnded) idle.start();
    else socket.once('end', () => idle.start());
    // Errors are ignored, because a lost connection is not an error of the proxy. After an 'error'
    // event, a 'close' event follows.
    socket.on('error', () => {});
    if (socket.destroyed) onClose();
    else socket.once('close', onClose);
  });
}

/**
 * Ends a connection if one direction has ended and the other one is silent. The proxy cannot tell a
 * program that closed its socket from a program that only ended its own direction. The kernel
 * has such a limit too (tcp_fin_timeout), but only for sockets that no program has open.
 */
class HalfClosedTimer {
  readonly #end: () => void;
  #timer: NodeJS.Timeout | undefined = undefined;

  constructor(end: () => void) {
    this.#end = end;
  }

  start(): void {
    this.#timer ??= setTimeout(this.#end, HALF_CLOSED_MS);
  }

  refresh(): void {
    this.#timer?.refresh();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

function timeoutOf({ host, port }: Target): Error {
  const error = new Error(`connect ETIMEDOUT ${host}:${port}`);
  return Object.assign(error, { code: 'ETIMEDOUT', syscall: 'connect', address: host, port });
}

function lostClient(): Error {
  return Object.assign(new Error('the client has gone'), { code: 'ECANCELED' });
}

/** How long a target may take to answer. */
const DIAL_MS = 60_000;
/** How long a target may take to answer if the client has ended its side. */
const ENDED_MS = 5000;
/** How long one direction may be silent after the other one has ended. */
export const HALF_CLOSED_MS = 600_000;
