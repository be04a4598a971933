/**
 * `TunDevice`: a TUN device of Linux, which is a network interface whose packets a program reads
 * and writes.
 *
 * The device is non-blocking. Every packet has its vnet header in front (IFF_VNET_HDR), with and
 * without offloads. The results of `read` and `write` follow drivers/net/tun.c. While the interface
 * is down, `write` fails with EIO. After the interface was deleted, `write` fails with EBADFD, and
 * `read` returns -1.
 *
 * @module
 */
import {
  checkDescriptor,
  checkInteger,
  checkSpan,
  libc,
  linux,
  type AddressOptions,
  type AssignedAddress,
  type InterfaceAddress,
  type Link,
  type Netlink,
  type Route,
} from '@litz/sys';
import { checkPieces, createPacketVector, type PacketVector } from './packet-vector.ts';
import { interfaceNameOf, setPersistence, type TunOffloads } from './tun-ioctl.ts';

/** A TUN device. `openTun`, `openTunPair` and `adoptTun` make it. */
export class TunDevice {
  /** Number of the interface in the namespace that it was opened in. */
  readonly interfaceIndex: number;
  /** The offloads that were requested and that the kernel accepted. */
  readonly offloads: TunOffloads;
  #fd: number;
  #name: string;
  #mtu: number;
  readonly #netlink: Netlink;
  readonly #vector: PacketVector;

  /** @internal Takes ownership of `fd` and `netlink`. */
  constructor(fd: number, link: Link, offloads: TunOffloads, netlink: Netlink) {
    checkDescriptor('fd', fd);
    this.interfaceIndex = link.index;
    this.offloads = offloads;
    this.#fd = fd;
    this.#name = link.name;
    this.#mtu = link.mtu;
    this.#netlink = netlink;
    this.#vector = createPacketVector(fd);
  }

  /**
   * The descriptor to poll for POLLIN; -1 after `close`. POLLERR means that the interface is gone.
   */
  get fd(): number {
    return this.#fd;
  }

  /**
   * All open descriptors, so that another thread can close them if the thread of this object dies.
   * Empty after `close`.
   */
  get fds(): readonly number[] {
    return [this.#fd, this.#netlink.fd].filter((fd) => fd >= 0);
  }

  /**
   * The current name of the interface, which may have been renamed. After the interface is gone:
   * its last name.
   */
  get name(): string {
    if (this.#fd >= 0) this.#name = interfaceNameOf(this.#fd) ?? this.#name;
    return this.#name;
  }

  /**
   * The current MTU of the interface. After the interface is gone or moved to another namespace:
   * the last known MTU.
   */
  get mtu(): number {
    if (this.#fd >= 0) this.#mtu = this.#link()?.mtu ?? this.#mtu;
    return this.#mtu;
  }

  /**
   * Whether the interface is up. False after the interface is gone or moved to another namespace.
   */
  get isUp(): boolean {
    return this.#fd >= 0 && this.#link()?.up === true;
  }

  /**
   * Reads one packet, with its vnet header in front, into `length` bytes at `offset`. The buffer is
   * borrowed for the call. Bytes that do not fit are lost.
   *
   * @returns the number of bytes read, including the header; 0: no packet is there; -1: the
   *   interface is gone or this object is closed; another negative number: -errno. For example, -22
   *   (EINVAL) means that no vnet header can describe the packet. That packet is lost.
   * @throws {TypeError} `buffer` is not a Uint8Array
   * @throws {RangeError} `offset` or `length` is not an integer, or is outside the buffer. `write`
   *   and `writePieces` throw the same.
   */
  read(buffer: Uint8Array, offset: number, length: number): number {
    checkSpan(buffer, offset, length);
    if (this.#fd < 0) return -1;
    const result = this.#vector.read(buffer, offset, length);
    if (result >= 0) return result;
    const errno = libc().errno();
    if (errno === linux.EAGAIN || errno === linux.EINTR) return 0;
    return GONE.has(errno) ? -1 : -errno;
  }

  /**
   * Writes one packet, with its vnet header in front. The buffer is borrowed for the call.
   *
   * @returns the number of bytes written; 0: the write would block; a negative number: -errno. -5
   *   (EIO): the interface is down; -22 (EINVAL): the bytes are not a packet; -77 (EBADFD): the
   *   interface is gone; -9 (EBADF): this object is closed.
   */
  write(buffer: Uint8Array, offset: number, length: number): number {
    checkSpan(buffer, offset, length);
    if (this.#fd < 0) return -EBADF;
    return written(this.#vector.write(buffer, offset, length));
  }

  /**
   * Writes one packet that consists of `count` pieces (at most 256), given by offset and length,
   * with the vnet header in front. All arguments are borrowed for the call. Returns what `write`
   * returns.
   */
  writePieces(
    buffer: Uint8Array,
    offsets: Uint32Array,
    lengths: Uint32Array,
    count: number,
  ): number {
    checkPieces(buffer, offsets, lengths, count);
    if (this.#fd < 0) return -EBADF;
    return written(this.#vector.writePieces(buffer, offsets, lengths, count));
  }

  /**
   * Whether the interface was deleted or this object is closed. False if the interface is only down
   * or in another namespace.
   */
  isGone(): boolean {
    return this.#fd < 0 || interfaceNameOf(this.#fd) === undefined;
  }

  /**
   * Sets the interface up.
   *
   * @throws {SystemError} EPERM; ENODEV: the interface is gone or in another namespace. The methods
   *   from here to `deleteRoute` throw the same.
   */
  up(): void {
    this.#netlink.setLink(this.interfaceIndex, { up: true });
  }

  down(): void {
    this.#netlink.setLink(this.interfaceIndex, { up: false });
  }

  /** @throws {RangeError} `mtu` is not an integer from 68 to 65535 */
  setMtu(mtu: number): void {
    checkMtu(mtu);
    this.#netlink.setLink(this.interfaceIndex, { mtu });
    this.#mtu = mtu;
  }

  addresses(): AssignedAddress[] {
    return this.#netlink.addresses(this.interfaceIndex);
  }

  /** @throws {SystemError} EEXIST: the interface already has this address */
  addAddress(address: InterfaceAddress, options?: AddressOptions): void {
    this.#netlink.addAddress(this.interfaceIndex, address, options);
  }

  deleteAddress(address: InterfaceAddress): void {
    this.#netlink.deleteAddress(this.interfaceIndex, address);
  }

  /** Adds a route through this interface, which must be up. */
  addRoute(route: Omit<Route, 'interfaceIndex'>): void {
    this.#netlink.addRoute({ ...route, interfaceIndex: this.interfaceIndex });
  }

  deleteRoute(route: Omit<Route, 'interfaceIndex'>): void {
    this.#netlink.deleteRoute({ ...route, interfaceIndex: this.interfaceIndex });
  }

  /**
   * Lets the next `close` delete the interface, even if it is persistent.
   *
   * @throws {SystemError} EBADFD: the interface is gone
   */
  forgetPersistence(): void {
    if (this.#fd >= 0) setPersistence(this.#fd, false);
  }

  /** Closes the device. The interface is deleted unless it is persistent. May be called again. */
  close(): void {
    if (this.#fd < 0) return;
    this.#name = this.name;
    libc().close(this.#fd);
    this.#fd = -1;
    this.#netlink.close();
  }

  #link(): Link | undefined {
    return this.#netlink.linkByIndex(this.interfaceIndex);
  }
}

/** @throws {RangeError} `mtu` is not an integer from 68 to 65535 */
export function checkMtu(mtu: number): void {
  checkInteger('mtu', mtu, SMALLEST_MTU, LARGEST_MTU);
}

function written(result: number): number {
  if (result >= 0) return result;
  const errno = libc().errno();
  return errno === linux.EAGAIN || errno === linux.EINTR ? 0 : -errno;
}

const SMALLEST_MTU = 68;
const LARGEST_MTU = 65535;
const EBADF = 9;
/**
 * Errors after which no read will ever succeed, because the interface was deleted, the descriptor
 * is closed, or the driver is gone.
 */
const GONE: ReadonlySet<number> = new Set([
  1 /* EPERM, of a security module */,
  6 /* ENXIO */,
  EBADF,
  19 /* ENODEV */,
  77 /* EBADFD */,
]);
