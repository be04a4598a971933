/**
 * `DatagramSocket`: UDP through the tunnel, with the shape of dgram.Socket.
 *
 * @module
 */
import { EventEmitter } from 'node:events';
import { isIP, type AddressInfo } from 'node:net';
import { checkInteger } from '@litz/core/internals';
import type { UdpSocket } from '@litz/netstack';
import { bindError, codeOf, systemError, usageError } from '../errors.ts';
import { onAbort } from '../on-abort.ts';
import { ProcessHold } from '../process-hold.ts';
import type { SocketHost, SocketOwner } from '../socket-host.ts';
import { readPort } from '../tcp/connect-options.ts';
import { familyName } from '../tcp/idle-timer.ts';
import type { SocketNetwork } from '../tcp/socket.ts';
import {
  readBindArguments,
  readSendArguments,
  type BindOptions,
  type Datagram,
  type SendCallback,
} from './datagram-arguments.ts';

/** Options of `Network.createSocket`. */
export interface DatagramSocketOptions {
  readonly type: 'udp4' | 'udp6';
  /** Closes the socket when it is aborted. */
  readonly signal?: AbortSignal | undefined;
  /** How many bytes may wait to be read; each datagram counts 64 bytes more. Default 212992. */
  readonly recvBufferSize?: number | undefined;
  /** Accepted and not used: a 'udp6' socket always sends and receives IPv6 only. */
  readonly ipv6Only?: boolean | undefined;
  /** Accepted and not used: no two sockets share a port. */
  readonly reuseAddr?: boolean | undefined;
}

/** Where a datagram came from. */
export interface RemoteInfo {
  readonly address: string;
  readonly family: 'IPv4' | 'IPv6';
  readonly port: number;
  /** The length of the datagram in bytes. */
  readonly size: number;
}

/** The events of a `DatagramSocket`. */
export interface DatagramSocketEvents {
  listening: [];
  connect: [];
  /** A datagram. The listener owns the bytes. */
  message: [message: Buffer, from: RemoteInfo];
  error: [error: Error];
  close: [];
}

/**
 * A UDP socket in a network. `Network.createSocket` makes it. It has the events, properties and
 * methods of dgram.Socket, without those for groups (multicast) and broadcast.
 */
export class DatagramSocket extends EventEmitter<DatagramSocketEvents> implements SocketOwner {
  readonly type: 'udp4' | 'udp6';
  readonly #network: SocketNetwork;
  readonly #hold: ProcessHold;
  readonly #version: 4 | 6;
  readonly #receiveQueue: number | undefined;
  #udp: UdpSocket | undefined;
  #bound = '';
  /** Whether a name is being looked up for `bind`. */
  #isBinding = false;
  #isConnected = false;
  #isClosed = false;

  /** @param network the `Network` that the socket belongs to */
  constructor(
    network: SocketNetwork,
    options: DatagramSocketOptions | 'udp4' | 'udp6',
    onMessage?: (message: Buffer, from: RemoteInfo) => void,
  ) {
    super();
    const { type, signal, recvBufferSize } =
      typeof options === 'string' ? { type: options } : options;
    if (type !== 'udp4' && type !== 'udp6') {
      const text = 'Bad socket type specified. Valid types are: udp4, udp6';
      throw Object.assign(new TypeError(text), { code: 'ERR_SOCKET_BAD_TYPE' });
    }
    checkInteger(recvBufferSize, 'recvBufferSize', 1, 2 ** 30);
    this.#network = network;
    this.#hold = new ProcessHold(network.host);
    this.type = type;
    this.#version = type === 'udp4' ? 4 : 6;
    this.#receiveQueue = recvBufferSize;
    if (onMessage) this.on('message', onMessage);
    const abort = (): void => {
      if (!this.#isClosed) this.close();
    };
    this.once('close', onAbort(signal, abort));
  }

  /**
   * Binds to a port, and emits 'listening' or 'error'. Without an address it receives at all
   * addresses of the network that are of its version of IP.
   *
   * @throws {Error} `ERR_SOCKET_ALREADY_BOUND`, `ERR_SOCKET_DGRAM_NOT_RUNNING`
   */
  bind(options: BindOptions, onListening?: () => void): this;
  bind(port?: number, onListening?: () => void): this;
  bind(port: number, address: string, onListening?: () => void): this;
  bind(...given: unknown[]): this {
    this.#checkOpen();
    if (this.#udp || this.#isBinding) {
      throw usageError('ERR_SOCKET_ALREADY_BOUND', 'Socket is already bound');
    }
    const { port, address, callback } = readBindArguments(given);
    if (callback) this.once('listening', callback);
    this.#isBinding = true;
    this.#resolve(address ?? this.#any, (error, found) => {
      this.#isBinding = false;
      const fault = error ?? this.#open(port, found);
      if (fault) this.emit('error', fault);
      else this.emit('listening');
    });
    return this;
  }

  /**
   * Sets the destination of `send`. After that, only datagrams from this destination are received.
   * 'connect' or 'error' follows.
   */
  connect(port: number, address?: string | (() => void), callback?: (error?: Error) => void): void {
    this.#checkOpen();
    const number = readPort(port, 'port');
    if (this.#isConnected) {
      throw usageError('ERR_SOCKET_DGRAM_IS_CONNECTED', 'Already connected');
    }
    const [host, done] = typeof address === 'function' ? [undefined, address] : [address, callback];
    this.#resolve(host ?? 'localhost', (error, found) => {
      const fault = error ?? this.#connect(found, number);
      if (!fault && done) this.once('connect', done);
      if (!fault) this.emit('connect');
      else if (done) (done as (error: Error) => void)(fault);
      else this.emit('error', fault);
    });
  }

  /** @throws {Error} `ERR_SOCKET_DGRAM_NOT_CONNECTED` */
  disconnect(): void {
    const udp = this.#connected();
    udp.disconnect();
    this.#isConnected = false;
  }

  /**
   * Sends a datagram, in all the forms that dgram takes: `send(message, port, address, callback)`.
   * `offset` and `length` may follow the message, and the message may be a list of parts. For a
   * connected socket, leave out port and address. A connected socket copies the bytes before `send`
   * returns. If the socket is not connected, the bytes must not change before the callback is
   * called.
   *
   * The callback gets an error, for example `ENOBUFS` if there is no space for the datagram.
   * Without a callback, `ENOBUFS` is ignored, and any other error is an 'error' event.
   */
  send(message: SendMessage, ...rest: readonly unknown[]): void {
    this.#checkOpen();
    const datagram = readSendArguments([message, ...rest], this.#isConnected);
    if (this.#isConnected) {
      this.#done(this.#sendTo(datagram, undefined), datagram.callback, datagram.bytes.length);
      return;
    }
    this.#resolve(datagram.address ?? 'localhost', (error, found) => {
      const fault = error ?? this.#sendTo(datagram, found);
      this.#done(fault, datagram.callback, datagram.bytes.length);
    });
  }

  /** Closes the socket. 'close' follows. @throws {Error} `ERR_SOCKET_DGRAM_NOT_RUNNING` */
  close(callback?: () => void): this {
    this.#checkOpen();
    if (callback) this.once('close', callback);
    this.#isClosed = true;
    this.#hold.close();
    const udp = this.#udp;
    if (udp) {
      this.#host.remove(udp);
      udp.close();
    }
    process.nextTick(() => this.emit('close'));
    return this;
  }

  /** @throws {Error} `EBADF`: it is not bound */
  address(): AddressInfo {
    const udp = this.#udp;
    if (!udp || this.#isClosed) throw systemError('EBADF', 'getsockname');
    return { address: this.#bound, family: familyName(this.#version), port: udp.localPort };
  }

  /** @throws {Error} `ERR_SOCKET_DGRAM_NOT_CONNECTED` */
  remoteAddress(): AddressInfo {
    const { remoteAddress, remotePort } = this.#connected();
    const family = familyName(this.#version);
    return { address: String(remoteAddress), family, port: remotePort };
  }

  /** How many bytes may wait to be read. */
  getRecvBufferSize(): number {
    return this.#receiveQueue ?? DEFAULT_RECEIVE_QUEUE;
  }

  /** 0: the stack takes a datagram at once, or `send` fails. */
  getSendQueueSize(): number {
    return 0;
  }

  /** 0: the stack takes a datagram at once, or `send` fails. */
  getSendQueueCount(): number {
    return 0;
  }

  /** Keeps the process alive while the socket is open. This is the default. */
  ref(): this {
    this.#hold.ref();
    return this;
  }

  /** Lets the process end while the socket is open, if the network is `unref`'d too. */
  unref(): this {
    this.#hold.unref();
    return this;
  }

  /** Calls `close`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isClosed) await new Promise<void>((resolve) => this.close(resolve));
  }

  /** @internal */
  handleChange(): void {
    const udp = this.#udp;
    if (!udp) return;
    const failure = udp.takeError();
    if (failure) {
      const { remoteAddress, remotePort } = udp;
      const subject = { address: remoteAddress?.toString(), port: remotePort };
      this.emit('error', systemError(failure.code, 'recvmsg', subject));
    }
    while (!this.#isClosed && udp.isReadable) this.#receive(udp);
  }

  /** @internal */
  handleFailure(reason: Error): void {
    if (this.#isClosed) return;
    this.close();
    if (this.listenerCount('error') > 0) this.emit('error', reason);
  }

  get #host(): SocketHost {
    return this.#network.host;
  }

  get #any(): string {
    return this.#version === 4 ? '0.0.0.0' : '::';
  }

  /**
   * Calls back with an address or an error. If `host` is an address, this happens in the next tick.
   * If `host` is a name, it happens when the name was looked up. Does nothing if the socket was
   * closed in the meantime.
   */
  #resolve(host: string, callback: (error: Error | null, address: string) => void): void {
    const report = (error: Error | null, address: string): void => {
      if (this.#isClosed) return;
      const reason = error ?? this.#host.failure ?? null;
      callback(reason, address);
    };
    if (isIP(host) !== 0) return process.nextTick(report, null, host);
    return this.#host.lookup(host, { all: true, family: this.#version }, (error, found) => {
      report(error, found[0]?.address ?? '');
    });
  }

  /** Opens the socket of the stack, if there is none. Returns an error if that fails. */
  #open(port: number, address: string): Error | undefined {
    if (this.#udp) return undefined;
    const isAny = address === this.#any;
    try {
      this.#udp = this.#host.stack.openUdp({
        port,
        ...(isAny ? { version: this.#version } : { address }),
        ...(this.#receiveQueue !== undefined && { receiveQueue: this.#receiveQueue }),
      });
    } catch (error) {
      return bindError(codeOf(error), 'bind', address, port);
    }
    this.#bound = address;
    this.#host.add(this.#udp, this);
    this.#hold.open();
    return undefined;
  }

  #connect(address: string, port: number): Error | undefined {
    const fault = this.#open(0, this.#any);
    if (fault) return fault;
    const reason = this.#host.whyUnreachable(address);
    if (reason) return systemError('ENETUNREACH', 'connect', { address, port, reason });
    try {
      this.#udp?.connect(address, port);
      this.#isConnected = true;
      return undefined;
    } catch (error) {
      return systemError(codeOf(error), 'connect', { address, port });
    }
  }

  /** @param address undefined: the address to which the socket is connected */
  #sendTo({ bytes, port }: Datagram, address: string | undefined): Error | undefined {
    const isBound = this.#udp !== undefined;
    const fault = this.#open(0, this.#any);
    if (fault) return fault;
    if (!isBound) process.nextTick(() => this.emit('listening'));
    const reason = address === undefined ? undefined : this.#host.whyUnreachable(address);
    if (reason !== undefined) return systemError('ENETUNREACH', 'send', { address, port, reason });
    try {
      const udp = this.#udp!;
      const isSent = address === undefined ? udp.send(bytes) : udp.sendTo(bytes, address, port);
      this.#host.wake();
      return isSent ? undefined : systemError('ENOBUFS', 'send', { address, port });
    } catch (error) {
      return systemError(codeOf(error), 'send', { address, port });
    }
  }

  #done(fault: Error | undefined, callback: SendCallback | undefined, size: number): void {
    if (callback) process.nextTick(callback, fault ?? null, size);
    // If there is no space for a datagram, it is lost without an event, as usual for UDP.
    else if (fault && codeOf(fault) !== 'ENOBUFS')
      process.nextTick(() => this.emit('error', fault));
  }

  #receive(udp: UdpSocket): void {
    const message = Buffer.allocUnsafe(udp.nextLength);
    udp.receive(message);
    const { address, port, length } = udp.origin;
    const family = familyName(address.version);
    this.emit('message', message, { address: address.toString(), family, port, size: length });
  }

  #connected(): UdpSocket {
    if (this.#udp && this.#isConnected) return this.#udp;
    throw usageError('ERR_SOCKET_DGRAM_NOT_CONNECTED', 'Not connected');
  }

  #checkOpen(): void {
    if (this.#isClosed) throw usageError('ERR_SOCKET_DGRAM_NOT_RUNNING', 'Not running');
  }
}

/** A datagram, or the parts of one. */
export type SendMessage =
  | string
  | NodeJS.ArrayBufferView
  | readonly (string | NodeJS.ArrayBufferView)[];

/** net.core.rmem_default of Linux. */
const DEFAULT_RECEIVE_QUEUE = 212_992;
