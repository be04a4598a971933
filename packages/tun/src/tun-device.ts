/**
 * TUN devices of Linux: network interfaces whose packets a program reads and writes.
 *
 * The device is non-blocking, and every packet has its vnet header in front (IFF_VNET_HDR), offloads
 * or not. What read and write return is what drivers/net/tun.c does: an interface that is down only
 * refuses packets (EIO), one that was deleted answers EBADFD for ever.
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
  /** 'wg0', or with one `%d` for which the kernel chooses the number. */
  readonly name: string;
  /** 68 to 65535; default: as the kernel has it, 1500 on a new interface. */
  readonly mtu?: number;
  /**
   * Super-packets of the kernel; both are on unless false. Default: none of it. With them a read
   * returns up to 64 KiB, to be taken apart by `@litz/tun/offload`.
   */
  readonly offload?: false | { readonly tcp?: boolean; readonly udp?: boolean };
}

/** Reading a packet without offloads takes a buffer of the MTU and this much. */
export { VNET_HEADER_LENGTH };

/** Twice the kernel's own queue: a pause of this process must not cost packets. */
const TX_QUEUE_LENGTH = 1000;

const SMALLEST_MTU = 68;
const LARGEST_MTU = 65535;
const EBADF = 9;
/** No read will find anything any more: deleted, closed, or the driver is. */
const GONE: ReadonlySet<number> = new Set([
  1 /* EPERM, of a security module */,
  6 /* ENXIO */,
  EBADF,
  19 /* ENODEV */,
  77 /* EBADFD */,
]);

/**
 * Makes a TUN device, or attaches to a persistent one of that name, in the network namespace of the
 * calling thread. It is down and goes away with `close`, unless it is persistent.
 *
 * @throws {TypeError} `name` is no interface name
 * @throws {RangeError} `mtu` is out of range
 * @throws {SystemError} EPERM, EACCES: the message says what is missing; EBUSY: the name is taken;
 *   ENOENT: there is no /dev/net/tun; others by what is there instead
 * @throws {WireGuardError} `ERR_LITZ_UNSUPPORTED_PLATFORM` elsewhere than on Linux
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

/** Made by {@link openTun}. */
export class TunDevice {
  /** Of the interface in the namespace it was opened in. */
  readonly interfaceIndex: number;
  /** What the kernel accepted of the `offload` option. */
  readonly offloads: TunOffloads;
  #fd: number;
  #name: string;
  #mtu: number;
  readonly #netlink: Netlink;
  readonly #vector: PacketVector;

  /** @internal takes over `fd` and `netlink` */
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

  /** To poll for POLLIN; -1 once closed. POLLERR: the interface is gone. */
  get fd(): number {
    return this.#fd;
  }

  /** All that it has open, for whoever closes them when its thread has died; none once closed. */
  get fds(): readonly number[] {
    return [this.#fd, this.#netlink.fd].filter((fd) => fd >= 0);
  }

  /** Of the interface now: it may have been renamed. The last one, once it is gone. */
  get name(): string {
    if (this.#fd >= 0) this.#name = interfaceNameOf(this.#fd) ?? this.#name;
    return this.#name;
  }

  /** Of the interface now; the last one known, once it is gone or in another namespace. */
  get mtu(): number {
    if (this.#fd >= 0) this.#mtu = this.#link()?.mtu ?? this.#mtu;
    return this.#mtu;
  }

  /** Whether the interface is up; false once it is gone or in another namespace. */
  get isUp(): boolean {
    return this.#fd >= 0 && this.#link()?.up === true;
  }

  /**
   * Reads one packet, its vnet header in front, into `length` bytes at `offset`. The buffer is
   * borrowed for the call; what does not fit is lost.
   *
   * @returns bytes read, the header included; 0: nothing there, -1: the interface is gone, else
   *   -errno: EINVAL (-22) for a packet that no vnet header can describe, which is lost
   * @throws {TypeError} `buffer` is no Uint8Array
   * @throws {RangeError} `offset` or `length` is no integer, or out of the buffer. So do both below.
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
   * Writes one packet, its vnet header in front. The buffer is borrowed for the call.
   *
   * @returns bytes written, 0: would block, else -errno: EIO (-5) while the interface is down,
   *   EINVAL (-22) for what is no packet, EBADFD (-77) once the interface is gone
   */
  write(buffer: Uint8Array, offset: number, length: number): number {
    checkSpan(buffer, offset, length);
    if (this.#fd < 0) return -EBADF;
    return written(this.#vector.write(buffer, offset, length));
  }

  /**
   * Writes one packet that stands in pieces: `count` of them, at most 256, given by offset and length,
   * the vnet header in front. All is borrowed for the call. Returns what `write` returns.
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

  /** Whether the interface was deleted, or this is closed. Not: it is down, or moved elsewhere. */
  isGone(): boolean {
    return this.#fd < 0 || interfaceNameOf(this.#fd) === undefined;
  }

  /** @throws {SystemError} EPERM; ENODEV: it is gone or in another namespace. So do all below. */
  up(): void {
    this.#netlink.setLink(this.interfaceIndex, { up: true });
  }

  down(): void {
    this.#netlink.setLink(this.interfaceIndex, { up: false });
  }

  /** @throws {RangeError} `mtu` is not 68 to 65535 */
  setMtu(mtu: number): void {
    checkMtu(mtu);
    this.#netlink.setLink(this.interfaceIndex, { mtu });
    this.#mtu = mtu;
  }

  addresses(): AssignedAddress[] {
    return this.#netlink.addresses(this.interfaceIndex);
  }

  /** @throws {SystemError} EEXIST: the interface has it already */
  addAddress(address: InterfaceAddress, options?: AddressOptions): void {
    this.#netlink.addAddress(this.interfaceIndex, address, options);
  }

  deleteAddress(address: InterfaceAddress): void {
    this.#netlink.deleteAddress(this.interfaceIndex, address);
  }

  /** A route through this interface, which has to be up. */
  addRoute(route: Omit<Route, 'interfaceIndex'>): void {
    this.#netlink.addRoute({ ...route, interfaceIndex: this.interfaceIndex });
  }

  deleteRoute(route: Omit<Route, 'interfaceIndex'>): void {
    this.#netlink.deleteRoute({ ...route, interfaceIndex: this.interfaceIndex });
  }

  /** The interface goes away unless it is persistent. May be called again. */
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
