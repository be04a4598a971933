/**
 * `Lingering`: connections that the program has closed, while their last bytes are on the way.
 *
 * @module
 */
import type { TcpSocket } from '@litz/netstack';

/**
 * How far a closed connection has come. 'data': the other side has acknowledged our data. 'fin': it
 * has also acknowledged that our side has ended. 'end': the other side has ended, too.
 */
export type LingerStage = 'data' | 'fin' | 'end';

export class Lingering {
  readonly #sockets = new Set<TcpSocket>();
  readonly #waiting = new Set<{ readonly stage: LingerStage; readonly resolve: () => void }>();

  /** Adds a connection that the program has closed. */
  add(socket: TcpSocket): void {
    if (!hasReached(socket, 'end')) this.#sockets.add(socket);
  }

  /** Must be called when a connection has changed. Ignores connections that were not added. */
  handleChange(socket: TcpSocket): void {
    if (!this.#sockets.has(socket)) return;
    if (hasReached(socket, 'end')) this.#sockets.delete(socket);
    for (const waiting of this.#waiting) if (this.#hasReached(waiting.stage)) waiting.resolve();
  }

  /**
   * Resolves when all connections have reached the stage, or when the time is over.
   *
   * @returns whether all have reached it
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
