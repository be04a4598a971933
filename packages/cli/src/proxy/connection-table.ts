/**
 * `ConnectionTable`: the connections that clients have open, of all services together. Their number
 * has a limit.
 *
 * A connection that has not said yet what it wants counts too. If the table is full, the oldest of
 * these makes room. So clients that open connections and say nothing cannot block the others. If
 * all connections are in use, the new one is refused.
 *
 * @module
 */
import type { StreamSocket } from './proxy-network.ts';
import type { ServiceCounts } from './proxy-counts.ts';

/** The open connections of a proxy. */
export class ConnectionTable {
  readonly #most: number;
  /** Connections that have not said yet what they want, the oldest first. */
  readonly #asking = new Map<StreamSocket, ServiceCounts>();
  readonly #serving = new Set<StreamSocket>();
  #isClosed = false;

  /** @param most how many connections may be open at the same time */
  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#asking.size + this.#serving.size;
  }

  /**
   * Takes a new connection. It is removed when it is closed.
   *
   * @returns false: there was no room, and the connection was closed
   */
  add(socket: StreamSocket, counts: ServiceCounts): boolean {
    // An error without a listener would end the process. `close` follows.
    socket.on('error', () => {});
    if (this.#isClosed || (this.size >= this.#most && !this.#makeRoom())) {
      if (!this.#isClosed) counts.refuse('too-many');
      socket.destroy();
      return false;
    }
    this.#asking.set(socket, counts);
    socket.once('close', () => {
      this.#asking.delete(socket);
      this.#serving.delete(socket);
    });
    return true;
  }

  /** Says that the client of this connection was understood. It makes no room any more. */
  serve(socket: StreamSocket): void {
    if (this.#asking.delete(socket)) this.#serving.add(socket);
  }

  /** Says that the connection waits for the next request of its client. */
  rest(socket: StreamSocket, counts: ServiceCounts): void {
    if (this.#serving.delete(socket)) this.#asking.set(socket, counts);
  }

  /** Closes all connections. Later ones are closed at once. */
  close(): void {
    this.#isClosed = true;
    for (const socket of [...this.#asking.keys(), ...this.#serving]) socket.destroy();
  }

  #makeRoom(): boolean {
    const [oldest] = this.#asking;
    if (!oldest) return false;
    const [socket, counts] = oldest;
    this.#asking.delete(socket);
    counts.refuse('too-many');
    socket.destroy();
    return true;
  }
}
