/**
 * `TunDevice`: a TUN device of Linux, which is a network interface whose packets a program reads
 * and writes.
 *
 * The device is non-blocking. Every packet has its vnet header in front (IFF_VNET_HDR), with and
 * without offloads. The results of read and write are those of drivers/net/tun.c: an interface that
 * is down refuses packets (EIO), and one that was deleted always returns EBADFD.
 *
 * @module
 */
import { WireGuardError } from '@litz/core';
import {
  checkDescriptor,
  checkFlag,
  checkInteger,
  checkObject,
  checkSpan,
  libc,
  linux,
  Netlink,
  SystemError,
  type AddressOptions,
  type AssignedAddress,
  type InterfaceAddress,
  type Link,
  type Route,
} from '@litz/sys';
import { checkInterfaceName } from './interface-name.ts';
import { VNET_HEADER_LENGTH } from './offload/vnet-header.ts';
import { checkPieces, createPacketVector, type PacketVector } from './packet-vector.ts';
import { attachError, openError } from './tun-error.ts';
import {
  attachInterface,
  interfaceNameOf,
  setOffloads,
  setVnetHeaderLength,
  type TunOffloads,
} from './tun-ioctl.ts';
import { TUN_NODE } from './tun-node.ts';

export interface TunOptions {
  /** A name like 'wg0', or a template with one `%d`, which the kernel replaces with a number. */
  readonly name: string;
  /** 68 to 65535 bytes. Default: the value of the kernel, which is 1500 for a new interface. */
  readonly mtu?: number;
  /**
   * Which super-packets of the kernel to use; in an object, each is on unless false. Default: none.
   * With offloads a read returns up to 64 KiB, which `@litz/tun/offload` splits.
   */
  readonly offload?: false | { readonly tcp?: boolean; readonly udp?: boolean };
}

/** Without offloads, reading a packet needs a buffer of the MTU plus this many bytes. */
export { VNET_HEADER_LENGTH };

/**
 * Makes a TUN device, or attaches to a persistent one of that name, in the network namespace of the
 * calling thread. The interface is down. `close` deletes it, unless it is persistent.
 *
 * @throws {TypeError} `name` is not an interface name
 * @throws {RangeError} `mtu` is out of range
 * @throws {SystemError} EPERM, EACCES: the message says what is missing; EBUSY: the name is taken;
 *   ENOENT: there is no /dev/net/tun; other errors if something else is at that path
 * @throws {WireGuardError} `ERR_LITZ_UNSUPPORTED_PLATFORM`: this is not Linux
 */
export function openTun(options: TunOptions): TunDevice {
  checkObject('options', options);
  checkInterfaceName(options.name);
  if (options.mtu !== undefined) checkMtu(options.mtu);
  checkOffload(options.offload);
  if (process.platform !== 'linux') {
    const text = `TUN devices expected "process.platform" to be linux, got ${process.platform}`;
    throw new WireGuardError('ERR_LITZ_UNSUPPORTED_PLATFORM', text);
  }
  const flags = linux.O_RDWR | linux.O_NONBLOCK | linux.O_CLOEXEC;
  const fd = libc().open(TUN_NODE, flags, 0);
  if (fd < 0) throw openError(libc().errno());
  try {
    return attach(fd, options);
  } catch (error) {
    libc().close(fd);
    throw error;
  }
}

function attach(fd: number, options: TunOptions): TunDevice {
  const netlink = new Netlink();
  try {
    const exists = netlink.linkByName(options.name) !== undefined;
    const name = attachOrExplain(fd, options.name);
    setVnetHeaderLength(fd, VNET_HEADER_LENGTH);
    const { offload = false } = options;
    const { tcp = true, udp = true } = offload || { tcp: false, udp: false };
    const offloads = setOffloads(fd, { tcp, udp });
    const link = netlink.linkByName(name);
    if (!link) throw new SystemError('RTM_GETLINK', linux.ENODEV, `${name} was deleted`);
    if (!exists) netlink.setLink(link.index, { txQueueLength: TX_QUEUE_LENGTH });
    const device = new TunDevice(fd, link, offloads, netlink);
    // The owner of a persistent interface may use it without the right to change it.
    if (options.mtu !== undefined && options.mtu !== link.mtu) device.setMtu(options.mtu);
    return device;
  } catch (error) {
    netlink.close();
    throw error;
  }
}

function attachOrExplain(fd: number, name: string): string {
  try {
    return attachInterface(fd, name, `cannot open the TUN device ${name}`);
  } catch (error) {
    throw attachError(error, name);
  }
}

/** A TUN device. Made by {@link openTun}. */
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
   * All open descriptors, so that another thread can close them if this one dies. Empty after
   * `close`.
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
   * The current MTU of the interface. After it is gone or moved to another namespace: the last
   * known MTU.
   */
  get mtu(): number {
    if (this.#fd >= 0) this.#mtu = this.#link()?.mtu ?? this.#mtu;
    return this.#mtu;
  }

  /** Whether the interface is up. False after it is gone or moved to another namespace. */
  get isUp(): boolean {
    return this.#fd >= 0 && this.#link()?.up === true;
  }

  /**
   * Reads one packet, with its vnet header in front, into `length` bytes at `offset`. The buffer is
   * borrowed for the call. Bytes that do not fit are lost.
   *
   * @returns the number of bytes read, including the header; 0: no packet is there; -1: the
   *   interface is gone; else -errno: EINVAL (-22) for a packet that no vnet header can describe,
   *   which is lost
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
   * @returns the number of bytes written; 0: would block; else -errno: EIO (-5) while the interface
   *   is down, EINVAL (-22) for bytes that are not a packet, EBADFD (-77) after the interface is
   *   gone
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
   * Whether the interface was deleted or this object is closed. False if it is only down or in
   * another namespace.
   */
  isGone(): boolean {
    return this.#fd < 0 || interfaceNameOf(this.#fd) === undefined;
  }

  /**
   * @throws {SystemError} EPERM; ENODEV: it is gone or in another namespace. The methods below
   *   throw the same.
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

function written(result: number): number {
  if (result >= 0) return result;
  const errno = libc().errno();
  return errno === linux.EAGAIN || errno === linux.EINTR ? 0 : -errno;
}

function checkOffload(offload: TunOptions['offload']): void {
  if (offload === undefined || offload === false) return;
  checkObject('offload', offload);
  checkFlag('offload.tcp', offload.tcp);
  checkFlag('offload.udp', offload.udp);
}

function checkMtu(mtu: number): void {
  checkInteger('mtu', mtu, SMALLEST_MTU, LARGEST_MTU);
}

/**
 * Packets that the kernel queues for the process. Twice the kernel's default, so that a pause of
 * the process does not lose packets.
 */
const TX_QUEUE_LENGTH = 1000;
const SMALLEST_MTU = 68;
const LARGEST_MTU = 65535;
const EBADF = 9;
/**
 * Errors after which no read will ever succeed: the interface is deleted, the descriptor closed, or
 * the driver gone.
 */
const GONE: ReadonlySet<number> = new Set([
  1 /* EPERM, of a security module */,
  6 /* ENXIO */,
  EBADF,
  19 /* ENODEV */,
  77 /* EBADFD */,
]);
