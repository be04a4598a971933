/**
 * `TcpRelay`: a TCP relay to a server on the loopback of this machine. It makes this server
 * reachable in the namespace of a test. The relay can be blocked: then connections stay open, but
 * no data passes.
 *
 * @module
 */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export class TcpRelay {
  readonly port: number;
  readonly #server: Server;
  #to: number;
  readonly #sockets: Set<Socket> = new Set();
  #isBlocked = false;

  /**
   * Listens on all addresses of the namespace in which the calling thread is.
   *
   * @param to the port of the server on loopback
   * @param port the port of the relay; default: any free port
   */
  static open(to: number, port = 0): TcpRelay {
    return new TcpRelay(to, port);
  }

  private constructor(to: number, port: number) {
    this.#to = to;
    this.#server = createServer((inside) => this.#connect(inside));
    // `listen` without a host makes no DNS look-up. So the socket is bound before this call
    // returns, while the thread is still in the namespace.
    this.#server.listen(port);
    this.port = (this.#server.address() as AddressInfo).port;
  }

  /** Cuts all connections. New connections lead to another server on loopback. */
  redirect(to: number): void {
    this.#to = to;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Stops passing data and keeps the connections open, like a cut cable. */
  block(): void {
    this.#isBlocked = true;
  }

  /** Passes data again. Connections that were open while the relay was blocked are closed. */
  unblock(): void {
    if (!this.#isBlocked) return;
    this.#isBlocked = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #connect(inside: Socket): void {
    const outside = connect(this.#to, '127.0.0.1');
    this.#pipe(inside, outside);
    this.#pipe(outside, inside);
  }

  #pipe(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on('data', (bytes) => {
      if (!this.#isBlocked) to.write(bytes);
    });
    from.on('error', () => {});
    from.on('close', () => {
      this.#sockets.delete(from);
      if (!this.#isBlocked) to.destroy();
    });
  }
}
