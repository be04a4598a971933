/**
 * `Socket`: a TCP connection through the tunnel, as a stream with the shape of net.Socket.
 *
 * Bytes are copied once each way: from the program into the send buffer of the stack, and from the
 * receive buffer of the stack into the buffer that the program gets. If the reader pauses, its
 * bytes stay in the stack. When the receive buffer of the stack is full, the other side stops
 * sending.
 *
 * @module
 */
import type { Duplex } from 'node:stream';
import type { TcpSocket } from '@litz/netstack';
import { abortError, closedError, codeOf, systemError, usageError } from '../errors.ts';
import { onAbort } from '../on-abort.ts';
import { changeHold, HOLD } from '../process-hold.ts';
import type { SocketHost, SocketOwner } from '../socket-host.ts';
import { connectEvents } from './connect-events.ts';
import {
  keepAliveMs,
  readConnectArguments,
  readDestination,
  type ConnectOptions,
  type SocketOptions,
} from './connect-options.ts';
import { ConnectionEnds } from './connection-ends.ts';
import { Connector } from './connector.ts';
import { IdleTimer } from './idle-timer.ts';
import { OnRead } from './on-read.ts';
import { PendingWrite } from './pending-write.ts';

/** The part of a `Network` that a `Socket` needs. */
export interface SocketNetwork {
  /** @internal */
  readonly host: SocketHost;
}

/** Options of a socket that a server has accepted. */
export interface AcceptedSocket extends SocketOptions {
  readonly tcp: TcpSocket;
  readonly onClose: () => void;
  readonly pauseOnConnect: boolean;
}

/**
 * A TCP connection through the tunnel. `Network.connect` makes one that connects, and a `Server`
 * makes one for each client. It has the events, properties and methods of net.Socket.
 */
export class Socket extends ConnectionEnds implements SocketOwner {
  /** The `Server` that accepted the connection; undefined if there is none. */
  server: unknown = undefined;
  /** The addresses that were tried, as `address:port`, if the name has more than one address. */
  autoSelectFamilyAttemptedAddresses: string[] | undefined = undefined;
  readonly #host: SocketHost;
  /** Made on first use: there may be many sockets, and most of them have no timer. */
  #idle: IdleTimer | undefined;
  readonly #onClose: (() => void) | undefined;
  readonly #forgetSignal: () => void;
  /** Bits of `HOLD`. */
  #hold = 0;
  readonly #onRead: OnRead | undefined;
  #tcp: TcpSocket | undefined;
  #connector: Connector | undefined;
  /** Whether the reader accepts more data. */
  #isWanted = false;
  #write: PendingWrite | undefined;
  #bytesRead = 0;
  #bytesSent = 0;
  #noDelay: boolean;
  #keepAliveMs: number;
  #isReset = false;
  #isEnded = false;

  /** @param network the `Network` through which the socket will connect. Call `connect` next. */
  constructor(network: SocketNetwork, options: SocketOptions | AcceptedSocket = {}) {
    const { allowHalfOpen = false, highWaterMark, signal } = options;
    super({
      allowHalfOpen,
      emitClose: false,
      autoDestroy: true,
      ...(highWaterMark !== undefined && { highWaterMark }),
    });
    this.#host = network.host;
    if (options.onread) this.#onRead = new OnRead(options.onread);
    this.#noDelay = options.noDelay ?? false;
    this.#keepAliveMs = keepAliveMs(options.keepAlive ?? false, options.keepAliveInitialDelay);
    this.#forgetSignal = onAbort(signal, () => this.destroy(abortError(signal!)));
    // Like every stream of Node.js, the socket is destroyed at once if the signal is aborted
    // already. Then `connect` does nothing.
    if (signal?.aborted) this.destroy(abortError(signal));
    if (!('tcp' in options)) return;
    this.#onClose = options.onClose;
    this.#attach(options.tcp);
    if (options.pauseOnConnect) this.pause();
    else this.read(0);
  }

  /** @internal */
  override get stackSocket(): TcpSocket | undefined {
    return this.#tcp;
  }

  override get connecting(): boolean {
    return this.#connector !== undefined;
  }

  /** Ms of silence after which 'timeout' is emitted; 0 or undefined: never. */
  get timeout(): number | undefined {
    return this.#idle?.ms;
  }

  /** The number of received bytes that the stack has passed to the socket. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  /** The number of bytes that were written, including those that wait to be sent. */
  get bytesWritten(): number {
    return this.#bytesSent + this.writableLength;
  }

  /**
   * Connects. 'connect' and 'ready' follow, or 'error' and 'close'.
   *
   * @throws {TypeError | RangeError} an option is wrong; the message names it
   */
  connect(options: ConnectOptions, onConnect?: () => void): this;
  connect(port: number, onConnect?: () => void): this;
  connect(port: number, host: string, onConnect?: () => void): this;
  connect(...given: unknown[]): this {
    const { options, callback } = readConnectArguments(given);
    const destination = readDestination(options);
    if (this.destroyed && !this.#tcp) return this;
    if (this.#connector || this.#tcp) {
      throw usageError('EISCONN', 'connect EISCONN: a socket connects only once');
    }
    if (callback) this.once('connect', callback);
    if (options.timeout !== undefined) this.setTimeout(options.timeout);
    this.#setHold(this.#hold | HOLD.OPEN);
    const listener = connectEvents(this, destination.host, {
      connected: (tcp) => this.#connected(tcp),
      failed: (error) => this.#failed(error),
    });
    this.#connector = new Connector(this.#host, destination, listener);
    try {
      this.#connector.start();
    } catch (error) {
      // The `lookup` function of the program has thrown.
      this.#connector = undefined;
      this.destroy();
      throw error;
    }
    return this;
  }

  /** Emits 'timeout' after this many ms of silence; 0: never. The connection stays open. */
  setTimeout(ms: number, onTimeout?: () => void): this {
    (this.#idle ??= new IdleTimer(() => this.emit('timeout'))).start(ms);
    if (onTimeout && ms === 0) this.removeListener('timeout', onTimeout);
    else if (onTimeout) this.once('timeout', onTimeout);
    return this;
  }

  /** Sends small segments at once, without Nagle's algorithm. */
  setNoDelay(noDelay: boolean = true): this {
    this.#noDelay = noDelay;
    if (this.#tcp) this.#tcp.noDelay = noDelay;
    if (this.#tcp) this.#host.wake();
    return this;
  }

  /** Turns keepalive probes on or off. `initialDelay`: see `keepAliveInitialDelay`. */
  setKeepAlive(enable: boolean = false, initialDelay: number = 0): this {
    this.#keepAliveMs = keepAliveMs(enable, initialDelay);
    if (this.#tcp) this.#tcp.keepAlive = this.#keepAliveMs;
    if (this.#tcp) this.#host.wake();
    return this;
  }

  /** Destroys the socket when everything was sent. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  /** Ends the connection with a RST. Data that was not delivered is lost. */
  resetAndDestroy(): this {
    if (this.#connector) {
      this.once('connect', () => this.resetAndDestroy());
      return this;
    }
    if (!this.#tcp) return this.destroy(usageError('ERR_SOCKET_CLOSED', 'Socket is closed'));
    this.#isReset = true;
    return this.destroy();
  }

  /** Keeps the process alive while the socket is open. This is the default. */
  ref(): this {
    return this.#setHold(this.#hold & ~HOLD.UNREF);
  }

  /** Lets the process end while the socket is open, if the network is `unref`'d too. */
  unref(): this {
    return this.#setHold(this.#hold | HOLD.UNREF);
  }

  override pause(): this {
    if (this.#onRead) this.#isWanted = false;
    return super.pause();
  }

  override resume(): this {
    if (this.#onRead && !this.#isEnded) this._read();
    return super.resume();
  }

  // A write after the end of the other side fails with `EPIPE`, as in node:net.
  override write(...given: unknown[]): boolean {
    if (this.#isEnded && !this.allowHalfOpen && !this.writableEnded) return this.#refuse(given);
    return super.write(...(given as Parameters<Duplex['write']>));
  }

  /** @internal */
  override _read(): void {
    this.#isWanted = true;
    if (this.#tcp) this.#pull(this.#tcp);
  }

  /** @internal */
  override _write(chunk: Buffer, _encoding: string, callback: WriteCallback): void {
    this.#begin(new PendingWrite([chunk], callback));
  }

  /** @internal */
  override _writev(chunks: { chunk: Buffer }[], callback: WriteCallback): void {
    const buffers = chunks.map(({ chunk }) => chunk);
    this.#begin(new PendingWrite(buffers, callback));
  }

  /** @internal */
  override _final(callback: WriteCallback): void {
    if (this.pending && !this.destroyed) {
      this.once('connect', () => this._final(callback));
      return;
    }
    this.#tcp?.shutdown();
    this.#host.wake();
    callback();
  }

  /** @internal */
  override _destroy(error: Error | null, callback: WriteCallback): void {
    const tcp = this.#tcp;
    const wasConnected = tcp !== undefined;
    const wasOpen = wasConnected || this.#connector !== undefined;
    this.#connector?.abort();
    this.#connector = undefined;
    this.#idle?.stop();
    this.#setHold(this.#hold & ~HOLD.OPEN);
    this.#forgetSignal();
    if (tcp) this.#letGo(tcp);
    const write = this.#write;
    this.#write = undefined;
    if (wasConnected) write?.callback(error ?? closedError(true));
    callback(error);
    process.nextTick(() => {
      this.emit('close', ...(wasOpen ? [error !== null] : []));
      if (!wasConnected) write?.callback(error ?? closedError(false));
    });
    this.#onClose?.();
  }

  /** @internal */
  handleChange(): void {
    const tcp = this.#tcp;
    if (!tcp || this.destroyed) return;
    if (this.#write) this.#push(tcp);
    this.#pull(tcp);
    if (tcp.error && !this.destroyed) this.destroy(systemError(codeOf(tcp.error), 'read'));
  }

  /** @internal */
  handleFailure(reason: Error): void {
    // If `end` was called on the socket, it gets no error when the program closes the network.
    const isDone = this.writableEnded && this.#host.isClosedByProgram;
    // If nobody listens for errors, the end of the network must not be an uncaught exception.
    if (this.listenerCount('error') === 0) this.once('error', () => {});
    this.destroy(isDone ? undefined : reason);
  }

  #setHold(bits: number): this {
    this.#hold = changeHold(this.#host, this.#hold, bits);
    return this;
  }

  #failed(error: Error): void {
    if (error === this.#host.failure) this.handleFailure(error);
    else this.destroy(error);
  }

  #connected(tcp: TcpSocket): void {
    this.#connector = undefined;
    this.#attach(tcp);
    this.emit('connect');
    this.emit('ready');
    if (!this.isPaused() && !this.destroyed) this.read(0);
  }

  #attach(tcp: TcpSocket): void {
    this.#tcp = tcp;
    this.#setHold(this.#hold | HOLD.OPEN);
    this.#host.add(tcp, this);
    tcp.noDelay = this.#noDelay;
    tcp.keepAlive = this.#keepAliveMs;
    this.#idle?.refresh();
    // Data may have come before the owner was known. That change was reported to nobody.
    this.#host.handleChange(tcp);
  }

  #letGo(tcp: TcpSocket): void {
    this.#host.remove(tcp);
    if (this.#isReset) tcp.abort();
    else tcp.close();
    this.#host.lingering.add(tcp);
    this.#host.wake();
  }

  /** Passes received data to the reader, as much as it accepts. */
  #pull(tcp: TcpSocket): void {
    let hasRead = false;
    while (this.#onRead && this.#isWanted && tcp.readable > 0) {
      const count = this.#onRead.take(tcp);
      this.#bytesRead += Math.abs(count);
      hasRead = true;
      if (count < 0) this.pause();
    }
    while (this.#isWanted && tcp.readable > 0) {
      const size = Math.min(tcp.readable, MOST_PER_READ);
      const buffer = size < POOLED ? Buffer.allocUnsafe(size) : Buffer.allocUnsafeSlow(size);
      tcp.receive(buffer);
      this.#bytesRead += size;
      hasRead = true;
      this.#isWanted = this.push(buffer);
    }
    if (hasRead) this.#idle?.refresh();
    if (hasRead) this.#host.wake();
    if (!this.#isWanted || !tcp.isEnded || tcp.error || this.#isEnded || this.destroyed) return;
    this.#isWanted = false;
    this.push(null);
    this.once('end', () => (this.#isEnded = true));
    // With `onread`, nobody reads the stream, but 'end' must be emitted.
    if (this.#onRead) this.read(0);
  }

  #begin(write: PendingWrite): void {
    // As in node:net, nothing can be written before `connect` is called.
    if (!this.#tcp && !this.#connector) return write.callback(closedError(true));
    this.#write = write;
    return this.#tcp ? this.#push(this.#tcp) : undefined;
  }

  /** Passes as many bytes to the stack as it accepts. */
  #push(tcp: TcpSocket): void {
    const write = this.#write;
    if (!write) return;
    this.#idle?.refresh();
    let isDone: boolean;
    try {
      const before = write.sent;
      isDone = write.pushTo(tcp);
      this.#bytesSent += write.sent - before;
    } catch (error) {
      this.#write = undefined;
      write.callback(systemError(codeOf(error), 'write'));
      return;
    }
    this.#host.wake();
    if (!isDone) return;
    this.#write = undefined;
    write.callback();
  }

  #refuse(given: unknown[]): false {
    const error = usageError('EPIPE', 'This socket has been ended by the other party');
    const callback = given.find((argument) => typeof argument === 'function');
    if (callback) process.nextTick(callback, error);
    this.destroy(error);
    return false;
  }
}

type WriteCallback = (error?: Error | null) => void;

/** libuv reads at most this many bytes at a time, too. */
const MOST_PER_READ = 65_536;
/** Node.js cuts smaller buffers out of a shared pool. */
const POOLED = 4096;
