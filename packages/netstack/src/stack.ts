/**
 * `Stack`: a host on an IP network, in one object, without I/O. The caller reports what happens,
 * and the stack returns what to do.
 *
 * Every caller follows the same loop:
 *
 * 1. Give an input: `handlePacket` (from the network), `handleTimeout` (a deadline passed), or a
 *    call on a socket.
 * 2. Call `pollPacket()` until it returns 0, and send these packets. Stop earlier if there is no
 *    space for them. Packets that are not taken wait.
 * 3. Call `pollSocket()` until it returns undefined, and look at these sockets.
 * 4. Call `pollTimeout()`, which returns the time of the next deadline.
 * 5. Sleep until an input arrives or until that time, whichever is first, and start again at 1.
 *
 * `now` is a monotonic clock in milliseconds. Network input never throws.
 *
 * @module
 */
import { checkBytes, checkObject, requireInteger } from '@litz/core/internals';
import { closeSockets } from './close-sockets.ts';
import { EchoSocket } from './icmp/echo-socket.ts';
import type { DropCounters } from './drop-reason.ts';
import { StackError } from './errors.ts';
import { expireFragments, isForUs, receiveOwnPacket, receivePacket } from './ip/receive.ts';
import { CHUNK_SIZE } from './memory/chunk-pool.ts';
import { copyBytes } from './memory/copy-bytes.ts';
import { clearOffload, OFFLOAD, type PacketOffload } from './packet-offload.ts';
import { checkMtu, checkStackOptions, type StackOptions } from './stack-options.ts';
import { StackState } from './stack-state.ts';
import type { BoundSocket, LocalEnd, PortTable } from './port/port-table.ts';
import { nextSegment } from './tcp/output.ts';
import { openConnection } from './tcp/active-open.ts';
import { TcpListener } from './tcp/tcp-listener.ts';
import { readTcpOptions, TCP_OPTION_NAMES, type TcpOptions } from './tcp/tcp-options.ts';
import { TcpSocket } from './tcp/tcp-socket.ts';
import { fireTimers } from './tcp/timers.ts';
import { UdpSocket, type UdpOptions } from './udp/udp-socket.ts';
import { IpAddress } from './wire/ip-address.ts';

/** A socket of a stack. */
export type Socket = TcpSocket | TcpListener | UdpSocket | EchoSocket;

/** Options of `Stack.connectTcp`. */
export interface ConnectOptions extends TcpOptions {
  /**
   * The address to connect from. Default: the own address that has the most leading bits in common
   * with the destination.
   */
  readonly address?: string | Uint8Array;
  /** 1 to 65535. Default 0: a free port that nobody can predict. */
  readonly localPort?: number;
}

/** Options of `Stack.listenTcp`. The options of TCP are for the accepted connections. */
export interface ListenOptions extends TcpOptions {
  /** The address to listen at. Default: all addresses of the stack. */
  readonly address?: string | Uint8Array;
  /** 4 or 6: only addresses of this version. Default: both. */
  readonly version?: 4 | 6;
  /** 1 to 65535. Default 0: a free port that nobody can predict. */
  readonly port?: number;
  /**
   * How many connections may wait to be accepted, including handshakes that have only begun.
   * Default 511, as in Node.js.
   */
  readonly backlog?: number;
}

/**
 * An IP stack. The first comment of this file describes the loop that drives it.
 *
 * @example
 *
 * ```ts
 * import { Stack } from '@litz/netstack';
 *
 * const randomBytes = (out: Uint8Array) => void crypto.getRandomValues(out);
 * const a = new Stack({ randomBytes, addresses: ['10.0.0.1'] });
 * const b = new Stack({ randomBytes, addresses: ['10.0.0.2'] });
 * const server = b.openUdp({ port: 53 });
 * a.openUdp().sendTo(new TextEncoder().encode('hello'), '10.0.0.2', 53);
 * const packet = new Uint8Array(1420);
 * const length = a.pollPacket(packet, 0, performance.now());
 * b.handlePacket(packet, 0, length, performance.now());
 * const data = new Uint8Array(1500);
 * const size = server.receive(data);
 * console.log(`${server.origin.address}`, size); //=> 10.0.0.1 5
 * ```
 */
export class Stack {
  readonly #state: StackState;
  /** The remote address of the last `connectTcp`, as text and as an object. */
  #lastText = '';
  #lastRemote = new IpAddress();

  /** @throws {TypeError | RangeError} an option has the wrong type or is out of range */
  constructor(options: StackOptions) {
    this.#state = new StackState(checkStackOptions(options));
  }

  /** How many packets were dropped, and why. The object is live, not a copy. */
  get drops(): DropCounters {
    return this.#state.drops;
  }

  /** The bytes of all socket buffers and fragments together, in whole chunks of 4096. */
  get memoryInUse(): number {
    const { pool } = this.#state;
    return (pool.size - pool.available) * CHUNK_SIZE;
  }

  get mtu(): number {
    return this.#state.mtu;
  }

  /**
   * The MTU of the link in bytes, 1280 to 65535. It may change at any time.
   *
   * @throws {TypeError | RangeError} out of range
   */
  set mtu(mtu: number) {
    checkMtu(mtu);
    this.#state.mtu = mtu;
    this.#state.pathMtus.changed();
  }

  get segmentLimit(): number {
    return this.#state.segmentLimit;
  }

  /**
   * The largest number of segments of a super-packet, 1 or more. It may change at any time. A
   * device sets it if it has a limit of its own, beside the 65535 bytes of a packet. Default:
   * Infinity.
   *
   * @throws {TypeError | RangeError} not an integer from 1 on, and not Infinity
   */
  set segmentLimit(limit: number) {
    if (limit !== Infinity) requireInteger(limit, 'segmentLimit', 1, Infinity);
    this.#state.segmentLimit = limit;
  }

  /**
   * Receives the packet at `offset`. Bytes after the length that its header states are ignored. The
   * buffer is borrowed for the call.
   *
   * @param offload if its flag `OFFLOAD.NEEDS_CHECKSUM` is set, the checksum is not verified: a
   *   device has verified it, or the packet was made on this machine and its checksum is not
   *   complete yet. The packet may be a TCP super-packet.
   * @throws {TypeError | RangeError} the bytes are not in the buffer, or `now` is not a time
   */
  // oxlint-disable-next-line max-params -- an object would be allocated for each packet
  handlePacket(
    buffer: Uint8Array,
    offset: number,
    length: number,
    now: number,
    offload?: Readonly<PacketOffload>,
  ): void {
    checkBytes(buffer, 'buffer');
    requireInteger(offset, 'offset', 0, buffer.length);
    requireInteger(length, 'length', 0, buffer.length - offset);
    this.#advance(now);
    if (this.#state.failure) return;
    const isTrusted = offload !== undefined && (offload.flags & OFFLOAD.NEEDS_CHECKSUM) !== 0;
    receivePacket(this.#state, buffer, offset, length, isTrusted);
  }

  /**
   * Performs what is due. Call it at the time that `pollTimeout` returned, or later.
   *
   * @throws {TypeError} `now` is not a time
   */
  handleTimeout(now: number): void {
    this.#advance(now);
    expireFragments(this.#state);
    fireTimers(this.#state);
  }

  /**
   * Writes the next packet to `buffer` from `offset` on. Packets to addresses of the stack itself
   * are received here, and pass through the buffer.
   *
   * @param offload if it is given, TCP packets have only the sum of the pseudo-header as checksum,
   *   and may be super-packets of up to 65535 bytes. For each packet, the record says what the
   *   device must do
   * @returns the length of the packet; 0: none waits
   * @throws {TypeError | RangeError} the buffer has less space than a packet of the MTU needs
   */
  pollPacket(buffer: Uint8Array, offset: number, now: number, offload?: PacketOffload): number {
    checkBytes(buffer, 'buffer');
    requireInteger(offset, 'offset', 0, buffer.length);
    const space = buffer.length - offset;
    requireInteger(space, 'buffer.length - offset', this.mtu, Infinity);
    this.#advance(now);
    for (;;) {
      const length = this.#nextPacket(buffer, offset, offload);
      if (length === 0 || !isForUs(this.#state, buffer, offset)) return length;
      // The packet is for the stack itself, so it does not leave.
      const isTrusted = offload !== undefined && (offload.flags & OFFLOAD.NEEDS_CHECKSUM) !== 0;
      receiveOwnPacket(this.#state, buffer, offset, length, isTrusted);
    }
  }

  /** Returns the next socket whose state changed since it was returned last; undefined: none. */
  pollSocket(): Socket | undefined {
    const socket = this.#state.changed.shift() as Socket | undefined;
    if (socket) socket.isChanged = false;
    return socket;
  }

  /** Returns the time of the next deadline; Infinity: there is none. */
  pollTimeout(): number {
    const { reassembly, tcp, failure } = this.#state;
    if (failure) return Infinity;
    const first = tcp.deadlines.first();
    return first ? Math.min(reassembly.deadline, first.heapKey) : reassembly.deadline;
  }

  /**
   * Begins a connection. The socket is returned at once; `pollSocket` returns it again when it is
   * connected or has failed.
   *
   * @param address an `IpAddress` costs no parsing
   * @throws {StackError} `EHOSTUNREACH`: the stack has no address of the IP version of `address`,
   *   or `address` cannot be the address of one host; `EADDRINUSE`: a connection with these
   *   addresses and ports exists; `EADDRNOTAVAIL`: the address to connect from is not one of the
   *   stack, or all ports are taken; `ENETDOWN`: the stack was closed
   * @throws {TypeError | RangeError} an argument is wrong
   */
  connectTcp(
    address: string | Uint8Array | IpAddress,
    port: number,
    options: ConnectOptions = {},
  ): TcpSocket {
    this.#requireOpen();
    checkObject(options, 'options', ['address', 'localPort', ...TCP_OPTION_NAMES]);
    requireInteger(port, 'port', 1, 0xffff);
    const checked = readTcpOptions(options);
    requireInteger(options.localPort ?? 0, 'localPort', 0, 0xffff);
    const remote = this.#remoteAddress(address);
    const local = this.#localAddress(options.address) ?? this.#state.addresses.sourceFor(remote);
    if (local?.version !== remote.version || !remote.isHost) {
      throw new StackError(
        'EHOSTUNREACH',
        `the stack has no address from which ${remote.toString()} can be reached`,
      );
    }
    const ends = { local, remote, remotePort: port, localPort: options.localPort ?? 0 };
    const connection = openConnection(this.#state, ends, checked);
    return new TcpSocket(this.#state, connection);
  }

  /**
   * Accepts connections.
   *
   * @throws {StackError} `EADDRINUSE`: the port is taken; `EADDRNOTAVAIL`: the address is not one
   *   of the stack, or all ports are taken; `ENETDOWN`: the stack was closed
   * @throws {TypeError | RangeError} an option is wrong
   */
  listenTcp(options: ListenOptions = {}): TcpListener {
    this.#requireOpen();
    const names = ['address', 'version', 'port', 'backlog', ...TCP_OPTION_NAMES];
    checkObject(options, 'options', names);
    const { backlog = 511 } = options;
    requireInteger(backlog, 'backlog', 1, 0xffff);
    const checked = readTcpOptions(options);
    const { listeners } = this.#state.tcp;
    const end = this.#localEnd(options, listeners);
    const listener = new TcpListener(this.#state, end, backlog, checked);
    listeners.add(listener);
    return listener;
  }

  /**
   * Opens a UDP socket.
   *
   * @throws {StackError} `EADDRINUSE`: the port is taken; `EADDRNOTAVAIL`: the address is not one
   *   of the stack, or all ports are taken; `ENETDOWN`: the stack was closed
   * @throws {TypeError | RangeError} an option is wrong
   */
  openUdp(options: UdpOptions = {}): UdpSocket {
    this.#requireOpen();
    checkObject(options, 'options', ['address', 'version', 'port', 'receiveQueue']);
    const { receiveQueue = DEFAULT_RECEIVE_QUEUE } = options;
    requireInteger(receiveQueue, 'receiveQueue', 1, 2 ** 30);
    const { udp } = this.#state;
    const socket = new UdpSocket(this.#state, this.#localEnd(options, udp), receiveQueue);
    udp.add(socket);
    return socket;
  }

  /**
   * Opens a socket for echo requests, with an identifier of its own.
   *
   * @throws {StackError} `EADDRNOTAVAIL`: all identifiers are taken; `ENETDOWN`: the stack was
   *   closed
   */
  openEcho(): EchoSocket {
    this.#requireOpen();
    const { echo } = this.#state;
    const socket = new EchoSocket(this.#state, echo.chooseFree(undefined));
    echo.add(socket);
    return socket;
  }

  /**
   * Ends everything at once and sends nothing more, because the link is gone. Every socket fails
   * with the same error, and `pollSocket` returns these sockets. Every later call that opens a
   * socket throws that error. Packets are ignored.
   *
   * @param reason the message of the error, whose code is `ENETDOWN`
   */
  close(reason: string = 'the stack was closed'): void {
    if (this.#state.failure) return;
    closeSockets(this.#state, new StackError('ENETDOWN', reason));
  }

  #nextPacket(buffer: Uint8Array, offset: number, offload: PacketOffload | undefined): number {
    if (offload) clearOffload(offload);
    const { output } = this.#state;
    const { length } = output;
    if (length === 0) return this.#pollSegment(buffer, offset, offload);
    copyBytes(output.bytes, output.offset, buffer, offset, length);
    output.drop();
    return length;
  }

  /** The connections that may have something to send take turns. */
  #pollSegment(buffer: Uint8Array, offset: number, offload: PacketOffload | undefined): number {
    const { tcp } = this.#state;
    const space = buffer.length - offset;
    for (let c = tcp.ready.shift(); c; c = tcp.ready.shift()) {
      c.isReady = false;
      const length = nextSegment(this.#state, c, buffer, offset, space, offload);
      if (c.state !== 'closed') tcp.deadlines.update(c);
      if (length === 0) continue;
      if (c.state !== 'closed') tcp.wake(c);
      return length;
    }
    return 0;
  }

  #requireOpen(): void {
    if (this.#state.failure) throw this.#state.failure;
  }

  /** Checks where a socket wants to receive, and chooses a port if it has none. */
  #localEnd<Socket extends BoundSocket>(
    options: Pick<ListenOptions, 'address' | 'version' | 'port'>,
    table: PortTable<Socket>,
  ): LocalEnd {
    const { version, port = 0 } = options;
    requireInteger(port, 'port', 0, 0xffff);
    if (version !== undefined && version !== 4 && version !== 6) {
      throw new RangeError('"version" expected 4 or 6');
    }
    const address = this.#localAddress(options.address);
    return { address, version, port: port || table.chooseFree(address, version) };
  }

  /** Often several connections in a row go to one address. They share one object for it. */
  #remoteAddress(address: string | Uint8Array | IpAddress): IpAddress {
    if (address instanceof IpAddress) return address;
    if (typeof address !== 'string') return IpAddress.from(address);
    if (address !== this.#lastText) {
      this.#lastRemote = IpAddress.from(address);
      this.#lastText = address;
    }
    return this.#lastRemote;
  }

  #localAddress(text: string | Uint8Array | undefined): IpAddress | undefined {
    if (text === undefined) return undefined;
    const address = IpAddress.from(text);
    if (this.#state.addresses.has(address)) return address;
    const name = address.toString();
    throw new StackError('EADDRNOTAVAIL', `${name} is not an address of the stack`);
  }

  #advance(now: number): void {
    if (typeof now !== 'number' || !Number.isFinite(now)) {
      throw new TypeError(`"now" expected a finite number of milliseconds, got ${String(now)}`);
    }
    this.#state.now = now;
  }
}

/** net.core.rmem_default of Linux. */
const DEFAULT_RECEIVE_QUEUE = 212_992;
