/**
 * `Stack`: a host on an IP network, in one object, without I/O. The caller reports what happens,
 * and the stack returns what to do.
 *
 * Every caller follows the same loop:
 *
 * 1. Give an input: `handlePacket` (from the network), `handleTimeout` (a deadline passed), or a
 *    call on a socket.
 * 2. Call `pollPacket()` until it returns 0, and send these packets. Stop earlier if there is no
 *    room: what is not taken waits.
 * 3. Call `pollSocket()` until it returns undefined, and look at these sockets.
 * 4. Call `pollTimeout()`, which returns the time of the next deadline.
 * 5. Sleep until an input arrives or until that time, whichever is first, and start again at 1.
 *
 * `now` is a monotonic clock in milliseconds. Network input never throws.
 *
 * @module
 */
import { checkBytes, checkObject, requireInteger } from '@litz/core/internals';
import { EchoSocket } from './icmp/echo-socket.ts';
import type { DropCounters } from './drop-reason.ts';
import { StackError } from './errors.ts';
import { expireFragments, receivePacket } from './ip/receive.ts';
import { copyBytes } from './memory/copy-bytes.ts';
import { checkMtu, checkStackOptions, type StackOptions } from './stack-options.ts';
import { StackState } from './stack-state.ts';
import { UdpSocket, type UdpOptions } from './udp/udp-socket.ts';
import { IpAddress } from './wire/ip-address.ts';

/** A socket of a stack. */
export type Socket = UdpSocket | EchoSocket;

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

  /** @throws {TypeError | RangeError} an option has the wrong type or is out of range */
  constructor(options: StackOptions) {
    this.#state = new StackState(checkStackOptions(options));
  }

  /** How many packets were dropped, and why. The object is live, not a copy. */
  get drops(): DropCounters {
    return this.#state.drops;
  }

  get mtu(): number {
    return this.#state.mtu;
  }

  /**
   * The most bytes of a packet on the link, 1280 to 65535. It may change at any time.
   *
   * @throws {TypeError | RangeError} out of range
   */
  set mtu(mtu: number) {
    checkMtu(mtu);
    this.#state.mtu = mtu;
  }

  /**
   * Receives the packet of at most `length` bytes at `offset`. The buffer is borrowed for the call.
   *
   * @throws {TypeError | RangeError} the arguments name no such bytes, or `now` is not a time
   */
  handlePacket(buffer: Uint8Array, offset: number, length: number, now: number): void {
    checkBytes(buffer, 'buffer');
    requireInteger(offset, 'offset', 0, buffer.length);
    requireInteger(length, 'length', 0, buffer.length - offset);
    this.#advance(now);
    receivePacket(this.#state, buffer, offset, length, false);
  }

  /**
   * Performs what is due. Call it at the time that `pollTimeout` returned, or later.
   *
   * @throws {TypeError} `now` is not a time
   */
  handleTimeout(now: number): void {
    this.#advance(now);
    expireFragments(this.#state);
  }

  /**
   * Writes the next packet to `buffer` from `offset` on.
   *
   * @param room the most bytes to write, at least the MTU. Default: up to the end of the buffer
   * @returns the length of the packet; 0: none waits
   * @throws {TypeError | RangeError} the buffer has less room than a packet of the MTU needs
   */
  pollPacket(buffer: Uint8Array, offset: number, now: number, room?: number): number {
    checkBytes(buffer, 'buffer');
    requireInteger(offset, 'offset', 0, buffer.length);
    requireInteger(room ?? buffer.length - offset, 'room', this.mtu, buffer.length - offset);
    this.#advance(now);
    const { output } = this.#state;
    const { length } = output;
    if (length === 0) return 0;
    copyBytes(output.bytes, output.offset, buffer, offset, length);
    output.drop();
    return length;
  }

  /** Returns the next socket whose state changed since it was returned last; undefined: none. */
  pollSocket(): Socket | undefined {
    const socket = this.#state.changed.shift() as Socket | undefined;
    if (socket) socket.isChanged = false;
    return socket;
  }

  /** Returns the time of the next deadline; Infinity: there is none. */
  pollTimeout(): number {
    return this.#state.reassembly.deadline;
  }

  /**
   * Opens a UDP socket.
   *
   * @throws {StackError} `EADDRINUSE`: the port is taken; `EADDRNOTAVAIL`: the address is not one
   *   of the stack, or all ports are taken
   * @throws {TypeError | RangeError} an option is wrong
   */
  openUdp(options: UdpOptions = {}): UdpSocket {
    checkObject(options, 'options', ['address', 'port', 'receiveQueue']);
    const { port = 0, receiveQueue = DEFAULT_RECEIVE_QUEUE } = options;
    requireInteger(port, 'port', 0, 0xffff);
    requireInteger(receiveQueue, 'receiveQueue', 1, 2 ** 30);
    const address = this.#localAddress(options.address);
    const { udp } = this.#state;
    const socket = new UdpSocket(
      this.#state,
      address,
      port || udp.chooseFree(address),
      receiveQueue,
    );
    udp.add(socket);
    return socket;
  }

  /**
   * Opens a socket for echo requests, with an identifier of its own.
   *
   * @throws {StackError} `EADDRNOTAVAIL`: all identifiers are taken
   */
  openEcho(): EchoSocket {
    const { echo } = this.#state;
    const socket = new EchoSocket(this.#state, echo.chooseFree(undefined));
    echo.add(socket);
    return socket;
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
