/**
 * `Lingering`: connections whose program is gone, and whose last bytes are on the way.
 *
 * @module
 */
import type { TcpSocket } from '@litz/netstack';

/**
 * How far the end of a connection has come: the other side has our data; it knows that no more
 * comes; it has ended too.
 */
export type LingerStage = 'data' | 'fin' | 'end';

export class Lingering {
  readonly #sockets = new Set<TcpSocket>();
  readonly #waiting = new Set<{ readonly stage: LingerStage; readonly resolve: () => void }>();

  /** A program has closed this connection. */
  add(socket: TcpSocket): void {
    if (!hasReached(socket, 'end')) this.#sockets.add(socket);
  }

  /** A connection changed that may be one of these. */
  handleChange(socket: TcpSocket): void {
    if (!this.#sockets.has(socket)) return;
    if (hasReached(socket, 'end')) this.#sockets.delete(socket);
    for (const waiting of this.#waiting) if (this.#hasReached(waiting.stage)) waiting.resolve();
  }

  /**
   * Resolves when all connections have come so far, or when the time is over.
   *
   * @returns whether they have
   */
  reached(stage: LingerStage, limitMs: number): Promise<boolean> {
    if (this.#hasReached(stage)) return Promise.resolve(true);
    return new Promise((resolve) => {
      const done = (isReached: boolean): void => {
        clearTimeout(timer);
        this.#waiting.delete(waiting);
        resolve(isReached);
      };
      const timer = setTimeout(() => done(false), limitMs);
      const waiting = { stage, resolve: () => done(true) };
      this.#waiting.add(waiting);
    });
  }

  #hasReached(stage: LingerStage): boolean {
    for (const socket of this.#sockets) if (!hasReached(socket, stage)) return false;
    return true;
  }
}

function hasReached({ state, unacknowledged }: TcpSocket, stage: LingerStage): boolean {
  if (state === 'closed' || state === 'time-wait') return true;
  if (stage === 'end') return false;
  return state === 'fin-wait-2' || (stage === 'data' && unacknowledged === 0);
}
