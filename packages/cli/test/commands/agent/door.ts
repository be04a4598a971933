/**
 * `Door`: a port in a namespace that leads to a server on the loopback of this machine. It can be
 * walled up: then connections stay, and nothing passes any more.
 *
 * @module
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Host } from '../../host.ts';

export interface DoorPlace {
  readonly host: Host;
  /** It stands at all addresses of the host. */
  readonly port: number;
  /** The port on loopback that it leads to. */
  readonly to: number;
}

export class Door {
  readonly #server: Server;
  readonly #to: number;
  readonly #sockets: Set<Socket> = new Set();
  #isWalledUp = false;

  static open({ host, port, to }: DoorPlace): Door {
    const door = new Door(to);
    // Without an address nothing is looked up: it listens before the thread leaves the namespace.
    host.namespace.run(() => door.#server.listen(port));
    return door;
  }

  private constructor(to: number) {
    this.#to = to;
    this.#server = createServer((inside) => this.#enter(inside));
  }

  /** Silence, as when a cable is cut: nobody is told. */
  wallUp(): void {
    this.#isWalledUp = true;
  }

  /** What was connected meanwhile has been given up. */
  breakThrough(): void {
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
