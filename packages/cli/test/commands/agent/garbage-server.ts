/**
 * `GarbageServer`: a TCP server that sends random bytes to each client without end.
 *
 * @module
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export class GarbageServer {
  readonly #server: Server;
  readonly #sockets: Set<Socket> = new Set();

  static async start(): Promise<GarbageServer> {
    const garbage = new GarbageServer();
    garbage.#server.listen(0, '127.0.0.1');
    await once(garbage.#server, 'listening');
    return garbage;
  }

  private constructor() {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
      const write = (): void => {
        while (!socket.destroyed && socket.write(randomBytes(65_536)));
      };
      socket.on('drain', write);
      write();
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
