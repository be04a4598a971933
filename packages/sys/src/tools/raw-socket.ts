/**
 * `RawSocket`: a raw ICMP or ICMPv6 socket, with the kernel's time stamp of each arrival.
 *
 * ```
 * struct msghdr: name pointer (8) | name length (4, padded to 8) | iovec pointer (8) | count (8)
 *              | control pointer (8) | control length (8) | flags (4)
 * struct cmsghdr: length (8) | level (4) | type (4), then the data
 * ```
 *
 * @module
 */
import { checkAddress, checkBytes, checkInteger } from '../arguments.ts';
import { timespecMs } from '../clock.ts';
import {
  AF_INET,
  AF_INET6,
  EAGAIN,
  EINTR,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOL_SOCKET,
} from '../constants.ts';
import { libc } from '../libc.ts';
import { allocate, type Region } from '../memory.ts';
import { check, SystemError } from '../system-error.ts';

/** An ICMP message that `RawSocket.receive` returns. */
export interface ReceivedIcmp {
  /** The bytes from the ICMP header on. A view, valid until the next `receive` or `send`. */
  readonly message: Uint8Array;
  /** 4 or 16 bytes, a copy. */
  readonly source: Uint8Array;
  /** When the kernel received the message, as Unix time in ms; NaN if there is no time stamp. */
  readonly arrivedMs: number;
}

/**
 * A non-blocking socket. It belongs to the network namespace that the calling thread is in when the
 * socket is made.
 */
export class RawSocket {
  readonly family: 4 | 6;
  #fd: number;
  readonly #packet: Region = allocate(BUFFER_LENGTH);
  readonly #name: Region = allocate(NAME_LENGTH);
  readonly #control: Region = allocate(CONTROL_LENGTH);
  /** The msghdr, followed by its one iovec. */
  readonly #header: Region = allocate(MSGHDR_LENGTH + 16);

  /**
   * Opens a socket.
   *
   * @param accept the ICMP types to receive: 0 (IPv4) or 129 (IPv6) is an echo reply
   * @param options `source`: an address of this machine, 4 or 16 bytes, that messages are sent from
   *   and received at. Default: the route determines the source, and messages to all addresses are
   *   received.
   * @throws {SystemError} EPERM: no CAP_NET_RAW; EADDRNOTAVAIL: this machine does not have `source`
   */
  constructor(
    family: 4 | 6,
    accept: readonly number[],
    options: { readonly source?: Uint8Array } = {},
  ) {
    const { source } = options;
    if (family !== 4 && family !== 6) {
      throw new TypeError(`"family" expected 4 or 6, got ${String(family)}`);
    }
    if (source !== undefined) checkAddressOf(family, 'source', source);
    for (const type of accept) checkInteger('accept', type, 0, family === 4 ? 31 : 255);
    this.family = family;
    const domain = family === 4 ? AF_INET : AF_INET6;
    const type = SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC;
    const protocol = family === 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
    const attempt = 'cannot open a raw ICMP socket, which needs CAP_NET_RAW';
    this.#fd = check(libc().socket(domain, type, protocol), 'socket', attempt);
    try {
      this.#filter(accept);
      this.#setOption(SOL_SOCKET, SO_TIMESTAMPNS, Uint8Array.of(1, 0, 0, 0));
      if (source) this.#bind(source);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** -1 after `close`. */
  get fd(): number {
    return this.#fd;
  }

  /**
   * Sends one ICMP message, which is copied. Over IPv6 the kernel fills in the checksum.
   *
   * @throws {SystemError} ENETUNREACH, ENOKEY, ...
   */
  send(message: Uint8Array, destination: Uint8Array): void {
    checkBytes('message', message);
    if (message.length > BUFFER_LENGTH) {
      throw new RangeError(
        `"message" expected at most ${BUFFER_LENGTH} bytes, got ${message.length}`,
      );
    }
    checkAddressOf(this.family, 'destination', destination);
    const nameLength = this.#setName(destination);
    this.#packet.bytes.set(message);
    const { address } = this.#packet;
    const name = this.#name.address;
    check(libc().sendto(this.#fd, address, message.length, 0, name, nameLength), 'sendto');
  }

  /** Returns one message; undefined if none is waiting. */
  receive(): ReceivedIcmp | undefined {
    this.#prepareHeader();
    let length: number;
    do {
      length = libc().recvmsg(this.#fd, this.#header.address, 0);
    } while (length < 0 && libc().errno() === EINTR);
    if (length < 0) {
      const errno = libc().errno();
      if (errno === EAGAIN) return undefined;
      throw new SystemError('recvmsg', errno);
    }
    const packet = this.#packet.bytes.subarray(0, length);
    // A raw IPv4 socket also returns the IP header. The length of the header, in units of 4 bytes,
    // is in the low half of the first byte.
    const start = this.family === 4 ? ((packet[0] ?? 0) & 0x0f) * 4 : 0;
    const source = this.#name.bytes.slice(...(this.family === 4 ? [4, 8] : [8, 24]));
    return { message: packet.subarray(start), source, arrivedMs: this.#arrivedMs() };
  }

  close(): void {
    if (this.#fd >= 0) libc().close(this.#fd);
    this.#fd = -1;
  }

  #bind(source: Uint8Array): void {
    const attempt = 'cannot send from an address';
    const nameLength = this.#setName(source);
    check(libc().bind(this.#fd, this.#name.address, nameLength), 'bind', attempt);
  }

  /** Writes a sockaddr_in or sockaddr_in6, and returns its length. */
  #setName(address: Uint8Array): number {
    const { bytes, view } = this.#name;
    bytes.fill(0);
    view.setUint16(0, this.family === 4 ? AF_INET : AF_INET6, true);
    bytes.set(address, this.family === 4 ? 4 : 8);
    return this.family === 4 ? 16 : NAME_LENGTH;
  }

  /** Accepts only these types: a bit that is set blocks its type. */
  #filter(accept: readonly number[]): void {
    const mask = new Uint8Array(this.family === 4 ? 4 : 32).fill(0xff);
    const view = new DataView(mask.buffer);
    for (const type of accept) {
      const word = (type >>> 5) * 4;
      view.setUint32(word, view.getUint32(word, true) & ~(1 << (type & 31)), true);
    }
    if (this.family === 4) this.#setOption(SOL_RAW, ICMP_FILTER, mask);
    else this.#setOption(IPPROTO_ICMPV6, ICMP6_FILTER, mask);
  }

  #setOption(level: number, name: number, value: Uint8Array): void {
    this.#packet.bytes.set(value);
    const { address } = this.#packet;
    check(libc().setsockopt(this.#fd, level, name, address, value.length), 'setsockopt');
  }

  #prepareHeader(): void {
    const { view, address } = this.#header;
    setPointer(view, 0, this.#name.address);
    view.setUint32(8, NAME_LENGTH, true);
    setPointer(view, 16, address + MSGHDR_LENGTH);
    setPointer(view, 24, 1);
    setPointer(view, 32, this.#control.address);
    setPointer(view, 40, CONTROL_LENGTH);
    setPointer(view, MSGHDR_LENGTH, this.#packet.address);
    setPointer(view, MSGHDR_LENGTH + 8, BUFFER_LENGTH);
  }

  /** Reads the time stamp, which is the only control message that was requested. */
  #arrivedMs(): number {
    const { view } = this.#control;
    const stamped =
      this.#header.view.getUint32(40, true) >= 32 &&
      view.getInt32(8, true) === SOL_SOCKET &&
      view.getInt32(12, true) === SO_TIMESTAMPNS;
    return stamped ? timespecMs(view, 16) : NaN;
  }
}

function checkAddressOf(family: 4 | 6, name: string, address: Uint8Array): void {
  checkAddress(name, address);
  const length = family === 4 ? 4 : 16;
  if (address.length !== length) {
    throw new TypeError(`"${name}" expected ${length} bytes, got ${address.length}`);
  }
}

/** Writes a pointer or a size_t: 64 bits, of which user space needs 47. */
function setPointer(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value >>> 0, true);
  view.setUint32(offset + 4, Math.floor(value / 2 ** 32), true);
}

const IPPROTO_ICMP = 1;
const IPPROTO_ICMPV6 = 58;
const SOL_RAW = 255;
const ICMP_FILTER = 1;
const ICMP6_FILTER = 1;
const SO_TIMESTAMPNS = 35;
const BUFFER_LENGTH = 65536;
const NAME_LENGTH = 28;
const CONTROL_LENGTH = 64;
const MSGHDR_LENGTH = 56;
