/**
 * `Server`: accepts TCP connections from the tunnel, with the shape of net.Server.
 *
 * @module
 */
import { EventEmitter } from 'node:events';
import { isIP, type AddressInfo } from 'node:net';
import type { TcpListener, TcpSocket } from '@litz/netstack';
import { bindError, codeOf, usageError } from '../errors.ts';
import { onAbort } from '../on-abort.ts';
import { ProcessHold } from '../process-hold.ts';
import type { SocketHost, SocketOwner } from '../socket-host.ts';
import { familyName } from './idle-timer.ts';
import { readListenArguments, type ListenOptions, type ListenPlace } from './listen-options.ts';
import { Socket, type SocketNetwork } from './socket.ts';

/** Options of `Network.createServer`, for the sockets that the server makes. */
export interface ServerOptions {
  /** Whether the own side stays open when the client ends. Default false. */
  readonly allowHalfOpen?: boolean;
  /** Sockets begin paused. Default false. */
  readonly pauseOnConnect?: boolean;
  readonly noDelay?: boolean;
  readonly keepAlive?: boolean;
  readonly keepAliveInitialDelay?: number;
  readonly highWaterMark?: number;
}

/** The addresses of a connection that was refused because there are `maxConnections` already. */
export interface DroppedConnection {
  readonly localAddress: string;
  readonly localPort: number;
  readonly localFamily: 'IPv4' | 'IPv6';
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly remoteFamily: 'IPv4' | 'IPv6';
}

/** The events of a `Server`. */
export interface ServerEvents {
  listening: [];
  connection: [socket: Socket];
  /** A connection was refused because there are `maxConnections` already. */
  drop: [dropped: DroppedConnection];
  error: [error: Error];
  /** The server does not listen any more, and all its connections have ended. */
  close: [];
}

/**
 * Accepts TCP connections from the tunnel. `Network.createServer` makes it. It has the events,
 * properties and methods of net.Server.
 */
export class Server extends EventEmitter<ServerEvents> implements SocketOwner {
  /** How many connections may be open at one time. Default: no limit. */
  maxConnections: number = Infinity;
  readonly #network: SocketNetwork;
  readonly #hold: ProcessHold;
  readonly #options: ServerOptions;
  readonly #sockets: Set<Socket> = new Set();
  #listener: TcpListener | undefined;
  #place: ListenPlace | undefined;
  /** Whether `listen` was called, and since then the server was not closed and has not failed. */
  #isOpen = false;

  /** @param network the `Network` in which the server listens */
  constructor(
    network: SocketNetwork,
    options: ServerOptions = {},
    onConnection?: (socket: Socket) => void,
  ) {
    super();
    this.#network = network;
    this.#options = options;
    this.#hold = new ProcessHold(network.host);
    if (onConnection) this.on('connection', onConnection);
  }

  get listening(): boolean {
    return this.#listener !== undefined;
  }

  /**
   * Begins to listen; 'listening' or 'error' follows. Without a host it listens at all addresses of
   * the network. '0.0.0.0' stands for all IPv4 addresses, '::' for all addresses.
   *
   * @throws {TypeError | RangeError} an argument is wrong
   * @throws {Error} `ERR_SERVER_ALREADY_LISTEN`
   */
  listen(options: ListenOptions, onListening?: () => void): this;
  listen(port?: number, onListening?: () => void): this;
  listen(port: number, host: string, onListening?: () => void): this;
  listen(port: number, host: string, backlog: number, onListening?: () => void): this;
  listen(...given: unknown[]): this {
    const { options, callback } = readListenArguments(given);
    if (this.#isOpen) {
      throw usageError('ERR_SERVER_ALREADY_LISTEN', 'listen was called more than once');
    }
    this.#isOpen = true;
    if (callback) this.once('listening', callback);
    this.once(
      'close',
      onAbort(options.signal, () => this.close()),
    );
    const host = this.#host;
    if (options.host === undefined || isIP(options.host) !== 0) {
      this.#open(options);
      return this;
    }
    host.lookup(options.host, { all: true }, (error, addresses) => {
      if (!this.#isOpen) return;
      if (error) this.#fail(error);
      else this.#open({ ...options, host: addresses[0]?.address });
    });
    return this;
  }

  /** Returns where the server listens; null if it does not listen. */
  address(): AddressInfo | null {
    const listener = this.#listener;
    if (!listener || !this.#place) return null;
    const { address, family } = this.#place;
    return { address, family, port: listener.localPort };
  }

  /** Passes the number of open connections to `callback`. */
  getConnections(callback: (error: Error | null, count: number) => void): this {
    process.nextTick(callback, null, this.#sockets.size);
    return this;
  }

  /** Stops listening. 'close' follows when all its connections have ended. */
  close(callback?: (error?: Error) => void): this {
    if (callback) {
      const error = this.#isOpen
        ? undefined
        : usageError('ERR_SERVER_NOT_RUNNING', 'Server is not running.');
      this.once('close', () => callback(error));
    }
    this.#isOpen = false;
    this.#stop();
    this.#emitCloseIfDrained();
    return this;
  }

  /** Keeps the process alive while the server listens. This is the default. */
  ref(): this {
    this.#hold.ref();
    return this;
  }

  /** Lets the process end while the server listens, if the network is `unref`'d too. */
  unref(): this {
    this.#hold.unref();
    return this;
  }

  /** Calls `close`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOpen) return;
    await new Promise<void>((resolve) => this.close(() => resolve()));
  }

  /** @internal */
  handleChange(): void {
    for (let tcp = this.#listener?.accept(); tcp; tcp = this.#listener?.accept()) this.#accept(tcp);
  }

  /** @internal */
  handleFailure(reason: Error): void {
    this.#isOpen = false;
    this.#stop();
    if (this.listenerCount('error') > 0) this.emit('error', reason);
    this.#emitCloseIfDrained();
  }

  get #host(): SocketHost {
    return this.#network.host;
  }

  #open({ host, port, backlog }: ListenOptions): void {
    const { stack, failure } = this.#host;
    if (failure) return this.#fail(failure);
    const place = placeOf(host, this.#host.addresses);
    try {
      const { address, version } = place;
      const isOne = version === undefined && host !== undefined && host !== '::';
      this.#listener = stack.listenTcp({
        port: port ?? 0,
        ...(isOne && { address }),
        ...(version !== undefined && { version }),
        ...(backlog !== undefined && backlog > 0 && { backlog }),
      });
    } catch (error) {
      return this.#fail(bindError(codeOf(error), 'listen', place.address, port ?? 0));
    }
    this.#place = place;
    this.#host.add(this.#listener, this);
    this.#hold.open();
    process.nextTick(() => this.#listener && this.emit('listening'));
    return undefined;
  }

  #fail(error: Error): void {
    this.#isOpen = false;
    process.nextTick(() => this.emit('error', error));
  }

  #stop(): void {
    const listener = this.#listener;
    this.#hold.close();
    if (!listener) return;
    this.#listener = undefined;
    this.#host.remove(listener);
    listener.close();
    this.#host.wake();
  }

  #accept(tcp: TcpSocket): void {
    if (this.#sockets.size >= this.maxConnections) {
      tcp.close();
      this.#host.wake();
      this.emit('drop', droppedConnection(tcp));
      return;
    }
    const onClose = (): void => {
      this.#sockets.delete(socket);
      this.#emitCloseIfDrained();
    };
    const { pauseOnConnect = false, ...options } = this.#options;
    const socket = new Socket(this.#network, { ...options, pauseOnConnect, tcp, onClose });
    socket.server = this;
    this.#sockets.add(socket);
    this.emit('connection', socket);
  }

  #emitCloseIfDrained(): void {
    if (this.#isOpen || this.#listener || this.#sockets.size > 0) return;
    process.nextTick(() => this.emit('close'));
  }
}

/**
 * Returns where to listen. If there is no host, the address is '::'. In a network without IPv6
 * addresses it is '0.0.0.0' instead.
 */
function placeOf(host: string | undefined, own: readonly string[]): ListenPlace {
  const hasIpv6 = own.some((address) => isIP(address) === 6);
  const address = host ?? (hasIpv6 ? '::' : '0.0.0.0');
  const family = familyName(isIP(address));
  return { address, family, version: host === '0.0.0.0' ? 4 : undefined };
}

function droppedConnection(tcp: TcpSocket): DroppedConnection {
  return {
    localAddress: tcp.localAddress.toString(),
    localPort: tcp.localPort,
    localFamily: familyName(tcp.localAddress.version),
    remoteAddress: tcp.remoteAddress.toString(),
    remotePort: tcp.remotePort,
    remoteFamily: familyName(tcp.remoteAddress.version),
  };
}
