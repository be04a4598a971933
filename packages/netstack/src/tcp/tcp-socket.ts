/**
 * `TcpSocket`: one end of a connection, for a program.
 *
 * Made by `Stack.connectTcp` and `TcpListener.accept`. It has no events: `Stack.pollSocket` returns
 * the sockets whose state changed.
 *
 * @module
 */
import { checkBytes, requireInteger } from '@litz/core/internals';
import { StackError } from '../errors.ts';
import type { StackState } from '../stack-state.ts';
import type { IpAddress } from '../wire/ip-address.ts';
import type { Connection, TcpState } from './connection.ts';
import { abortConnection, changeState, endConnection } from './lifecycle.ts';
import { armKeepAlive } from './timers.ts';
import { tuneReceiveBuffer } from './window-tuning.ts';

/** One end of a TCP connection. */
export class TcpSocket {
  /** @internal */
  isChanged: boolean = false;
  readonly #state: StackState;
  readonly #connection: Connection;

  /** @internal Use `Stack.connectTcp`. */
  constructor(state: StackState, connection: Connection) {
    this.#state = state;
    this.#connection = connection;
    connection.user = this;
  }

  get localAddress(): IpAddress {
    return this.#connection.local;
  }

  get localPort(): number {
    return this.#connection.localPort;
  }

  get remoteAddress(): IpAddress {
    return this.#connection.remote;
  }

  get remotePort(): number {
    return this.#connection.remotePort;
  }

  /** The state of the connection, in the words of RFC 9293. */
  get state(): TcpState {
    return this.#connection.state;
  }

  /** Whether the handshake is complete, and the connection is not closed. */
  get isConnected(): boolean {
    return this.#connection.isSynchronized;
  }

  /** The number of bytes that wait to be read. */
  get readable(): number {
    return this.#connection.readable;
  }

  /** The number of bytes that `send` takes now, unless the memory of the stack is full. */
  get writable(): number {
    return this.#canSend ? this.#connection.sendBuffer.free : 0;
  }

  /** The number of bytes that are not acknowledged, whether they were sent or still wait. */
  get unacknowledged(): number {
    return this.#connection.sendBuffer.length;
  }

  /** Whether the other side has ended its stream or the connection, and everything was read. */
  get isEnded(): boolean {
    return this.readable === 0 && (this.#connection.isEnded || this.state === 'closed');
  }

  /** Why the connection failed; undefined if it has not failed. */
  get error(): StackError | undefined {
    return this.#connection.error;
  }

  /** Whether small segments are sent at once, without Nagle's algorithm. */
  get noDelay(): boolean {
    return this.#connection.noDelay;
  }

  set noDelay(noDelay: boolean) {
    this.#connection.noDelay = noDelay;
    this.#state.tcp.wake(this.#connection);
  }

  /** Ms of silence after which keepalive probes are sent; 0: never (RFC 9293 3.8.4). */
  get keepAlive(): number {
    return this.#connection.keepAliveAfter;
  }

  /** @throws {TypeError | RangeError} not an integer from 0 to 2^31 */
  set keepAlive(ms: number) {
    requireInteger(ms, 'keepAlive', 0, 2 ** 31);
    const c = this.#connection;
    if (c.keepAliveAfter === ms) return;
    c.keepAliveAfter = ms;
    c.probes = 0;
    // In FIN-WAIT-2 and TIME-WAIT, this timer has another purpose.
    if (c.state !== 'established' && c.state !== 'close-wait') return;
    c.slowAt = Infinity;
    armKeepAlive(this.#state, c);
    this.#state.tcp.wake(c);
  }

  /**
   * Appends bytes to the stream. They are copied. Before the connection is established they wait.
   *
   * @returns how many bytes were taken: fewer than given if the buffer or the memory of the stack
   *   is full
   * @throws {StackError} `EPIPE`: the stream was ended, or the connection is closed; the error of
   *   the connection, if it has one
   */
  send(data: Uint8Array, offset: number = 0, length: number = data.length - offset): number {
    checkBytes(data, 'data');
    requireInteger(offset, 'offset', 0, data.length);
    requireInteger(length, 'length', 0, data.length - offset);
    const c = this.#connection;
    if (!this.#canSend) throw c.error ?? new StackError('EPIPE', 'the stream was ended');
    const count = c.sendBuffer.write(data, offset, length);
    if (count > 0) this.#state.tcp.wake(c);
    return count;
  }

  /**
   * Reads up to `length` bytes into `target` from `offset` on.
   *
   * @returns how many bytes were read; 0: nothing waits. If `isEnded` is true, nothing more will
   *   come
   */
  receive(target: Uint8Array, offset: number = 0, length: number = target.length - offset): number {
    checkBytes(target, 'target');
    requireInteger(offset, 'offset', 0, target.length);
    requireInteger(length, 'length', 0, target.length - offset);
    const c = this.#connection;
    const count = c.hasReceived ? c.receiving.buffer.read(target, offset, length) : 0;
    if (count === 0 || c.state === 'closed') return count;
    tuneReceiveBuffer(this.#state, c, count);
    this.#announce();
    return count;
  }

  /**
   * Ends the stream to the other side: a FIN follows the data. Data can still be received. Before
   * the connection is established, data and FIN wait.
   */
  shutdown(): void {
    const c = this.#connection;
    if (c.finQueued) return;
    c.finQueued = true;
    if (c.state === 'established') changeState(this.#state, c, 'fin-wait-1');
    else if (c.state === 'close-wait') changeState(this.#state, c, 'last-ack');
    return this.#state.tcp.wake(c);
  }

  /**
   * Ends both streams. Data that was sent is still delivered. But if unread bytes wait, the
   * connection ends with a RST, which tells the other side that data was lost (RFC 9293 3.10.4; RFC
   * 2525 2.17).
   */
  close(): void {
    const c = this.#connection;
    if (c.isReadClosed) return;
    c.isReadClosed = true;
    if (c.state === 'syn-sent') return endConnection(this.#state, c);
    if (c.readable > 0) {
      return abortConnection(
        this.#state,
        c,
        new StackError('ECONNRESET', 'closed before all was read'),
      );
    }
    if (c.state === 'fin-wait-2') c.slowAt = this.#state.now + FIN_WAIT_MS;
    this.shutdown();
    return this.#state.tcp.wake(c);
  }

  /** Ends the connection at once, with a RST. Data that was not delivered is lost. */
  abort(): void {
    const c = this.#connection;
    if (c.state === 'closed') return;
    c.isReadClosed = true;
    abortConnection(this.#state, c, new StackError('ECONNRESET', 'the connection was aborted'));
  }

  /** @internal Must be called when the connection has changed. */
  changed(): void {
    this.#state.report(this);
  }

  get #canSend(): boolean {
    const { state, finQueued, needsReset } = this.#connection;
    if (finQueued || needsReset) return false;
    return (
      state === 'established' ||
      state === 'close-wait' ||
      state === 'syn-sent' ||
      state === 'syn-received'
    );
  }

  /**
   * Announces a larger window, if it has grown enough (RFC 9293 3.8.6.2.2): by two segments, or by
   * half of the buffer.
   */
  #announce(): void {
    const c = this.#connection;
    // Nothing more comes.
    if (c.isEnded) return;
    const edge = (c.receiveNext + c.receiveRoom) | 0;
    const gain = (edge - c.announcedEdge) | 0;
    const announced = (c.announcedEdge - c.receiveNext) | 0;
    const capacity = c.receiveCapacity;
    const isWorthwhile = gain >= Math.min(capacity / 2, 2 * c.segmentSize);
    // A large window that is hardly used needs no update for each read.
    if (!isWorthwhile || (announced > capacity / 2 && gain < capacity / 4)) return;
    c.needsAck = true;
    this.#state.tcp.wake(c);
  }
}

const FIN_WAIT_MS = 60_000;
