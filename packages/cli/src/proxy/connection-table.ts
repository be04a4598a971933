/**
 * `ConnectionTable`: the connections that clients have open, of all services together. Their number
 * has a limit.
 *
 * A connection whose client has not sent a request yet counts too. If the table is full, the oldest
 * connection without a request is closed. So clients that open connections and send nothing cannot
 * block the others. If all connections have a request, the new one is refused.
 *
 * @module
 */
import type { StreamSocket } from './proxy-network.ts';
import type { ServiceCounts } from './proxy-counts.ts';

/** The open connections of a proxy. */
export class ConnectionTable {
  readonly #most: number;
  /** Connections without a request. The one that has waited longest for its client comes first. */
  readonly #asking = new Map<StreamSocket, ServiceCounts>();
  /**
   * How many requests of each connection are being answered: a client may send several requests
   * before the first answer.
   */
  readonly #serving = new Map<StreamSocket, number>();
  #isClosed = false;

  /** @param most how many connections may be open at the same time */
  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#asking.size + this.#serving.size;
  }

  /**
   * Takes a new connection, and forgets it when it is closed.
   *
   * @returns false: the table was full or closed, and the connection was closed
   */
  add(socket: StreamSocket, counts: ServiceCounts): boolean {
    // An error that has no listener would end the process. After an error, the event `close`
    // follows.
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

  /**
   * Must be called when a request of this connection was understood. From then on, the connection
   * is not closed to make room for a new one.
   */
  serve(socket: StreamSocket): void {
    const requests = this.#serving.get(socket);
    if (this.#asking.delete(socket)) this.#serving.set(socket, 1);
    else if (requests !== undefined) this.#serving.set(socket, requests + 1);
  }

  /**
   * Must be called when a request was answered. If no other request is being answered, the
   * connection waits for its client again.
   */
  rest(socket: StreamSocket, counts: ServiceCounts): void {
    const requests = this.#serving.get(socket);
    if (requests === undefined) return;
    if (requests > 1) {
      this.#serving.set(socket, requests - 1);
      return;
    }
    this.#serving.delete(socket);
    this.#asking.set(socket, counts);
  }

  /** Closes all connections. Later ones are closed at once. */
  close(): void {
    this.#isClosed = true;
    for (const socket of [...this.#asking.keys(), ...this.#serving.keys()]) socket.destroy();
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
