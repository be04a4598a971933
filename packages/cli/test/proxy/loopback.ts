/**
 * `LoopbackNetwork`: stands for the network inside a tunnel. It is the loopback interface, with
 * names of its own. The other exports make servers and sockets for tests, and wait for them.
 *
 * @module
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { ProxyNetwork } from '../../src/proxy/proxy-network.ts';

/** A network in which only the given names exist. `lookups` counts the calls of `lookup`. */
export class LoopbackNetwork implements ProxyNetwork {
  lookups = 0;
  readonly #names: Readonly<Record<string, string>>;

  constructor(names: Readonly<Record<string, string>> = { 'inside.test': '127.0.0.1' }) {
    this.#names = names;
  }

  connect(options: Parameters<ProxyNetwork['connect']>[0]): Socket {
    return connect({
      ...options,
      lookup: (name, _options, callback) =>
        this.lookup(name, {}, (error, address, family) =>
          // Node.js asks for all addresses, so the answer is a list.
          error ? callback(error, []) : callback(null, [{ address, family }]),
        ),
    });
  }

  createServer(options: Parameters<ProxyNetwork['createServer']>[0]): Server {
    return createServer(options);
  }

  createSocket(type: 'udp4' | 'udp6'): UdpSocket {
    return createSocket(type);
  }

  lookup(
    name: string,
    _options: object,
    callback: (error: Error | null, address: string, family: number) => void,
  ): void {
    this.lookups++;
    const address = this.#names[name];
    const error = new Error(`getaddrinfo ENOTFOUND ${name}`);
    if (address !== undefined) callback(null, address, address.includes(':') ? 6 : 4);
    else callback(Object.assign(error, { code: 'ENOTFOUND' }), '', 0);
  }
}

/** A server whose connections and port are closed by `close`. */
export class TestServer {
  readonly sockets: Socket[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      socket.on('error', () => {});
      this.sockets.push(socket);
    });
  }

  static async start(
    onConnection: (socket: Socket) => void,
    host = '127.0.0.1',
  ): Promise<TestServer> {
    const server = createServer({ allowHalfOpen: true });
    const test = new TestServer(server);
    server.on('connection', onConnection);
    server.listen(0, host);
    await once(server, 'listening');
    return test;
  }

  /** Starts a server that sends back what it gets, and ends when its client has ended. */
  static echo(host?: string): Promise<TestServer> {
    return TestServer.start((socket) => socket.pipe(socket), host);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }
}

/** Returns a TCP port on which nothing listens. */
export async function unusedPort(): Promise<number> {
  const server = await TestServer.start(() => {});
  const { port } = server;
  await server.close();
  return port;
}

/** Returns a connection that is open. */
export async function connectTo(port: number, host = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port, host, allowHalfOpen: true });
  await once(socket, 'connect');
  socket.on('error', () => {});
  return socket;
}

/** Returns everything that comes until the end of the connection. */
export async function readAll(socket: Socket): Promise<Buffer> {
  const parts: Buffer[] = [];
  socket.on('data', (part: Buffer) => parts.push(part));
  socket.on('error', () => {});
  await new Promise<void>((resolve) => {
    if (socket.readableEnded || socket.destroyed) resolve();
    socket.once('end', resolve);
    socket.once('close', resolve);
  });
  return Buffer.concat(parts);
}

/** Resolves when the connection is closed, also after an error. */
export function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) resolve();
    socket.once('close', () => resolve());
  });
}

/** Returns a UDP socket on 127.0.0.1. */
export async function bindUdp(): Promise<UdpSocket> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

/**
 * Resolves when `condition` returns true. Calls `condition` again after each turn of the event
 * loop.
 */
export async function until(condition: () => boolean): Promise<void> {
  for (let turns = 0; !condition(); turns++) {
    if (turns === MOST_TURNS) throw new Error(`it did not become true: ${String(condition)}`);
    await nextTurn();
  }
}

/** Resolves in the next turn of the event loop. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** More turns than any condition needs, so that a test that fails also ends. */
const MOST_TURNS = 5_000_000;
