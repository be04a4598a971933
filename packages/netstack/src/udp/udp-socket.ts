/**
 * `UdpSocket`: sends and receives datagrams (RFC 768).
 *
 * Made by `Stack.openUdp`. It has no callbacks: `Stack.pollSocket` returns the sockets whose state
 * changed.
 *
 * @module
 */
import { checkBytes, requireInteger } from '@litz/core/internals';
import { StackError } from '../errors.ts';
import { beginPacket, finishPacket } from '../ip/send.ts';
import { copyBytes } from '../memory/copy-bytes.ts';
import type { LocalEnd } from '../port/port-table.ts';
import type { StackState } from '../stack-state.ts';
import { IpAddress } from '../wire/ip-address.ts';
import { UDP_HEADER_LENGTH, writeUdpHeader } from '../wire/udp-header.ts';
import { PROTOCOL } from '../wire/protocol.ts';
import { DatagramOrigin, DatagramQueue } from './datagram-queue.ts';

/** Options of `Stack.openUdp`. */
export interface UdpOptions {
  /** The address to receive at. Default: all addresses of the stack. */
  readonly address?: string | Uint8Array;
  /** 4 or 6: only addresses of this version. Default: both. */
  readonly version?: 4 | 6;
  /** 1 to 65535. Default 0: a free port that nobody can predict. */
  readonly port?: number;
  /**
   * How many bytes may wait to be read; each datagram counts 64 bytes more. Default 212992, as in
   * Linux.
   */
  readonly receiveQueue?: number;
}

/** A UDP socket of a stack. */
export class UdpSocket {
  /** undefined: all addresses of the stack. */
  readonly localAddress: IpAddress | undefined;
  /** The version of these addresses; undefined: both. */
  readonly localVersion: 4 | 6 | undefined;
  readonly localPort: number;
  /** The origin of the datagram that `receive` returned last. */
  readonly origin: DatagramOrigin = new DatagramOrigin();
  /** @internal */
  isChanged: boolean = false;
  /** @internal */
  readonly queue: DatagramQueue;
  readonly #state: StackState;
  #remoteAddress: IpAddress | undefined;
  #remotePort = 0;
  #error: StackError | undefined;
  #isClosed = false;

  /** @internal Use `Stack.openUdp`. */
  constructor(state: StackState, { address, version, port }: LocalEnd, receiveQueue: number) {
    this.#state = state;
    this.localAddress = address;
    this.localVersion = version;
    this.localPort = port;
    this.queue = new DatagramQueue(state.pool, receiveQueue);
  }

  /** The address that the socket is connected to; undefined if it is not connected. */
  get remoteAddress(): IpAddress | undefined {
    return this.#remoteAddress;
  }

  /** The port that the socket is connected to; 0 if it is not connected. */
  get remotePort(): number {
    return this.#remotePort;
  }

  /** Whether a datagram waits to be read. */
  get isReadable(): boolean {
    return this.queue.count > 0;
  }

  /** The length of the first datagram that waits, in bytes; 0 if none waits. */
  get nextLength(): number {
    return this.queue.nextLength;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Sets the destination of `send`. After that, only datagrams from this destination are received,
   * and `takeError` returns what ICMP reports about it.
   *
   * @throws {StackError} `EHOSTUNREACH`: the socket has no address of the IP version of `address`,
   *   or `address` cannot be the address of one host
   * @throws {TypeError | RangeError} an argument is wrong
   */
  connect(address: string | Uint8Array | IpAddress, port: number): void {
    requireInteger(port, 'port', 1, 0xffff);
    const remote = address instanceof IpAddress ? address : IpAddress.from(address);
    this.#sourceFor(remote);
    this.#remoteAddress = remote;
    this.#remotePort = port;
  }

  /** Receives from everywhere again. `send` needs an address again. */
  disconnect(): void {
    this.#remoteAddress = undefined;
    this.#remotePort = 0;
    this.#error = undefined;
  }

  /**
   * Sends one datagram to the connected address. The bytes are copied.
   *
   * @returns false if it was dropped because the output queue is full
   * @throws {StackError} `ENOTCONN`: the socket is not connected; and what `sendTo` throws
   */
  send(data: Uint8Array): boolean {
    if (!this.#remoteAddress) throw new StackError('ENOTCONN', 'the socket is not connected');
    return this.sendTo(data, this.#remoteAddress, this.#remotePort);
  }

  /**
   * Sends one datagram. The bytes are copied. A datagram that is longer than the path allows is
   * sent in fragments.
   *
   * @param address an `IpAddress` costs no parsing
   * @param trafficClass TOS or traffic class, 8 bits
   * @returns false if it was dropped because the output queue is full
   * @throws {StackError} `EHOSTUNREACH`: the socket has no address of the IP version of `address`,
   *   or `address` cannot be the address of one host; `EMSGSIZE`: longer than a packet can be;
   *   `EPIPE`: the socket is closed; `ENETDOWN`: the stack is closed
   */
  sendTo(
    data: Uint8Array,
    address: string | Uint8Array | IpAddress,
    port: number,
    trafficClass: number = 0,
  ): boolean {
    checkBytes(data, 'data');
    requireInteger(port, 'port', 1, 0xffff);
    if (this.#isClosed)
      throw this.#state.failure ?? new StackError('EPIPE', 'the socket is closed');
    const { header, building } = this.#state;
    const length = UDP_HEADER_LENGTH + data.length;
    const destination = address instanceof IpAddress ? address : IpAddress.from(address);
    header.begin(this.#sourceFor(destination), destination, PROTOCOL.UDP, trafficClass);
    if (length > mostTransport(destination)) {
      throw new StackError('EMSGSIZE', `a datagram of ${data.length} bytes is too long`);
    }
    if (!beginPacket(this.#state, length)) return this.#drop();
    const { buffer, transport } = building;
    copyBytes(data, 0, buffer, transport + UDP_HEADER_LENGTH, data.length);
    writeUdpHeader(header, this.localPort, port, building, length);
    return finishPacket(this.#state) || this.#drop();
  }

  /**
   * Reads the first datagram into `target` from `offset` on. Bytes that do not fit are lost;
   * `origin.length` says how long the datagram was.
   *
   * @returns the number of bytes written; -1 if no datagram waits
   */
  receive(target: Uint8Array, offset: number = 0): number {
    checkBytes(target, 'target');
    requireInteger(offset, 'offset', 0, target.length);
    return this.queue.shift(target, offset, target.length - offset, this.origin);
  }

  /**
   * Returns and forgets the last error: what ICMP reported about the connected address, or that the
   * stack was closed.
   */
  takeError(): StackError | undefined {
    const error = this.#error;
    this.#error = undefined;
    return error;
  }

  /** Frees the port and the datagrams that were not read. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#state.udp.remove(this);
    this.queue.clear();
  }

  /** @internal Whether the socket receives datagrams from this address and port. */
  accepts(source: IpAddress, port: number): boolean {
    if (!this.#remoteAddress) return true;
    return port === this.#remotePort && this.#remoteAddress.equals(source);
  }

  /**
   * @internal Takes an error that ICMP has reported about a datagram to this address and port (RFC
   *   1122 4.1.3.3).
   */
  fail(error: StackError, destination: IpAddress, port: number): void {
    if (!this.#remoteAddress || !this.accepts(destination, port)) return;
    this.#error = error;
    this.#state.report(this);
  }

  /** @internal The stack was closed. */
  end(error: StackError): void {
    this.close();
    this.#error = error;
    this.#state.report(this);
  }

  #sourceFor(destination: IpAddress): IpAddress {
    const bound = this.localAddress;
    const source = bound ?? this.#state.addresses.sourceFor(destination);
    if (source?.version === destination.version && destination.isHost) return source;
    throw new StackError(
      'EHOSTUNREACH',
      `the stack has no address from which ${destination.toString()} can be reached`,
    );
  }

  #drop(): false {
    this.#state.drop('full-output-queue');
    return false;
  }
}

/**
 * Returns how many bytes transport header and payload may have together, without extension headers.
 */
function mostTransport({ version }: IpAddress): number {
  return version === 4 ? 65_515 : 65_495;
}
