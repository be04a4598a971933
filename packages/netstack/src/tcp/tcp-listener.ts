/**
 * `TcpListener`: accepts connections at a local port, with a bounded backlog.
 *
 * Made by `Stack.listenTcp`. The backlog bounds the connections that wait to be accepted, together
 * with the handshakes that have begun. A SYN that does not fit is answered with a SYN cookie (RFC
 * 4987 3.6), so others can connect during a flood of SYNs. If connections that wait to be accepted
 * fill the backlog, the SYN is dropped, and its sender tries again.
 *
 * @module
 */
import type { LocalEnd } from '../port/port-table.ts';
import type { StackState } from '../stack-state.ts';
import type { IpAddress } from '../wire/ip-address.ts';
import { StackError } from '../errors.ts';
import type { Connection } from './connection.ts';
import { abortConnection, endConnection } from './lifecycle.ts';
import type { CheckedTcpOptions } from './tcp-options.ts';
import { TcpSocket } from './tcp-socket.ts';

/** Accepts connections. */
export class TcpListener {
  /** undefined: all addresses of the stack. */
  readonly localAddress: IpAddress | undefined;
  /** The version of these addresses; undefined: both. */
  readonly localVersion: 4 | 6 | undefined;
  readonly localPort: number;
  /** @internal */
  readonly options: CheckedTcpOptions;
  /** @internal */
  isChanged: boolean = false;
  /** @internal */
  cookieAt: number = -Infinity;
  /** @internal */
  refusedAt: number = -Infinity;
  readonly #state: StackState;
  readonly #backlog: number;
  /** Handshakes that have begun. */
  readonly #begun: Set<Connection> = new Set<Connection>();
  readonly #complete: Connection[] = [];
  #isClosed = false;
  #error: StackError | undefined;

  /** @internal Use `Stack.listenTcp`. */
  constructor(
    state: StackState,
    { address, version, port }: LocalEnd,
    backlog: number,
    options: CheckedTcpOptions,
  ) {
    this.#state = state;
    this.localAddress = address;
    this.localVersion = version;
    this.localPort = port;
    this.#backlog = backlog;
    this.options = options;
  }

  /** The error with which the stack was closed; undefined while the stack is open. */
  get error(): StackError | undefined {
    return this.#error;
  }

  /** The number of connections that wait to be accepted. */
  get waiting(): number {
    return this.#complete.length;
  }

  /** @internal */
  get hasFreePlace(): boolean {
    return this.#begun.size + this.#complete.length < this.#backlog;
  }

  /** @internal */
  get canWait(): boolean {
    return this.#complete.length < this.#backlog;
  }

  /** Returns the connection that has waited longest; undefined: none waits. */
  accept(): TcpSocket | undefined {
    const connection = this.#complete.shift();
    if (!connection) return undefined;
    connection.listener = undefined;
    return new TcpSocket(this.#state, connection);
  }

  /** Frees the port. Connections that were not accepted end with a RST (RFC 9293 3.10.4). */
  close(): void {
    this.#close(new StackError('ECONNRESET', 'the listener was closed'), abortConnection);
  }

  /** @internal The stack was closed. */
  end(error: StackError): void {
    if (this.#isClosed) return;
    this.#error = error;
    this.#close(error, endConnection);
    this.#state.report(this);
  }

  /** @internal */
  begin(connection: Connection): void {
    this.#begun.add(connection);
  }

  /** @internal */
  complete(connection: Connection): void {
    this.#begun.delete(connection);
    this.#complete.push(connection);
    this.#state.report(this);
  }

  /** @internal A connection that was not accepted is gone. */
  forget(connection: Connection): void {
    this.#begun.delete(connection);
    const index = this.#complete.indexOf(connection);
    if (index !== -1) this.#complete.splice(index, 1);
  }

  #close(error: StackError, endOne: typeof abortConnection): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#state.tcp.listeners.remove(this);
    for (const connection of [...this.#begun, ...this.#complete]) {
      endOne(this.#state, connection, error);
    }
    this.#complete.length = 0;
  }
}
