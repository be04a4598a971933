/**
 * `UapiProxy`: a proxy between an agent and its daemon that counts requests.
 *
 * @module
 */
import { chmodSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { RequestSplitter } from '@litz/config';

export class UapiProxy {
  gets = 0;
  sets = 0;
  readonly #path: string;
  readonly #server: Server;
  readonly #sockets: Set<Socket> = new Set();

  /**
   * Opens a proxy for one daemon.
   *
   * @param path the path of the proxy's socket
   * @param daemon the path of the daemon's socket
   */
  static async open(path: string, daemon: string): Promise<UapiProxy> {
    const proxy = new UapiProxy(path, daemon);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.on('error', reject).listen(path, resolve);
    });
    chmodSync(path, 0o600);
    return proxy;
  }

  private constructor(path: string, daemon: string) {
    this.#path = path;
    this.#server = createServer((asking) => this.#join(asking, connect(daemon)));
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    rmSync(this.#path, { force: true });
  }

  #join(asking: Socket, answering: Socket): void {
    for (const socket of [asking, answering]) {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#sockets.delete(socket);
        asking.destroy();
        answering.destroy();
      });
    }
    // A connection carries any number of requests.
    const splitter = new RequestSplitter();
    asking.on('data', (bytes: Buffer) => {
      for (const { operation } of splitter.push(bytes)) {
        if (operation === 'set') this.sets++;
        if (operation === 'get') this.gets++;
      }
    });
    asking.pipe(answering).pipe(asking);
  }
}
