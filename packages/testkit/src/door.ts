/**
 * `Door`: a port that leads to a server on the loopback of this machine. In a namespace of a test it makes
 * a server of this machine reachable there. It can be walled up: then connections stay, and nothing passes
 * any more.
 *
 * @module
 */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export class Door {
  readonly port: number;
  readonly #server: Server;
  readonly #to: number;
  readonly #sockets: Set<Socket> = new Set();
  #isWalledUp = false;

  /**
   * It stands at all addresses of the namespace in which the thread is now.
   *
   * @param to the port on loopback that it leads to
   * @param port its own; default: any that is free
   */
  static open(to: number, port = 0): Door {
    return new Door(to, port);
  }

  private constructor(to: number, port: number) {
    this.#to = to;
    this.#server = createServer((inside) => this.#enter(inside));
    // Without an address nothing is looked up: it listens before the thread is in another namespace.
    this.#server.listen(port);
    this.port = (this.#server.address() as AddressInfo).port;
  }

  /** Silence, as when a cable is cut: nobody is told. */
  wallUp(): void {
    this.#isWalledUp = true;
  }

  /** What was connected meanwhile has been given up. */
  breakThrough(): void {
    if (!this.#isWalledUp) return;
    this.#isWalledUp = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #enter(inside: Socket): void {
    const outside = connect(this.#to, '127.0.0.1');
    this.#lead(inside, outside);
    this.#lead(outside, inside);
  }

  #lead(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on('data', (bytes) => {
      if (!this.#isWalledUp) to.write(bytes);
    });
    from.on('error', () => {});
    from.on('close', () => {
      this.#sockets.delete(from);
      if (!this.#isWalledUp) to.destroy();
    });
  }
}
