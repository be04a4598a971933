/**
 * `openTun`: makes a TUN device, or attaches to a persistent one.
 *
 * @module
 */
import { WireGuardError } from '@litz/core';
import { checkFlag, checkObject, libc, linux, Netlink, SystemError } from '@litz/sys';
import { checkInterfaceName } from './interface-name.ts';
import { VNET_HEADER_LENGTH } from './offload/vnet-header.ts';
import { checkMtu, TunDevice } from './tun-device.ts';
import { attachError, openError } from './tun-error.ts';
import { attachInterface, setOffloads, setPersistence, setVnetHeaderLength } from './tun-ioctl.ts';
import { TUN_NODE } from './tun-node.ts';

/** The options of `openTun`. */
export interface TunOptions {
  /** A name like 'wg0', or a template with one `%d`, which the kernel replaces with a number. */
  readonly name: string;
  /** 68 to 65535 bytes. Default: the value of the kernel, which is 1500 for a new interface. */
  readonly mtu?: number;
  /**
   * Which kinds of super-packets the kernel passes and accepts. In an object, a kind is on unless
   * it is false. Default: none. With offloads a read returns a vnet header and a packet or
   * super-packet of up to 64 KiB, which `@litz/tun/offload` splits.
   */
  readonly offload?: false | { readonly tcp?: boolean; readonly udp?: boolean };
  /**
   * Whether the interface stays, with its addresses and routes, when the device is closed or the
   * process ends. Default false: a new interface is deleted, and an interface that was persistent
   * before stays.
   */
  readonly persist?: boolean;
}

/**
 * Makes a TUN device, or attaches to a persistent one of that name, in the network namespace of the
 * calling thread. A new interface is down. `close` deletes it, unless it is persistent. Linux only;
 * it needs CAP_NET_ADMIN and /dev/net/tun (drivers/net/tun.c).
 *
 * @example
 *
 * ```ts
 * // As root, on Linux.
 * import { openTun, VNET_HEADER_LENGTH } from '@litz/tun';
 *
 * const tun = openTun({ name: 'tun%d', mtu: 1420 });
 * tun.addAddress({ address: Uint8Array.of(10, 0, 0, 1), prefixLength: 24 });
 * tun.up();
 * const buffer = new Uint8Array(VNET_HEADER_LENGTH + 1420);
 * const length = tun.read(buffer, 0, buffer.length); // 0: no packet is there yet
 * console.log(tun.name, length);
 * tun.close();
 * ```
 *
 * @throws {TypeError} `name` is not an interface name, or an option has a wrong type
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
  checkFlag('persist', options.persist);
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
    // The owner of a persistent interface may use it without the right to change it. So an MTU that
    // is right is not set again.
    if (options.mtu !== undefined && options.mtu !== link.mtu) device.setMtu(options.mtu);
    if (options.persist) setPersistence(fd, true);
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

function checkOffload(offload: TunOptions['offload']): void {
  if (offload === undefined || offload === false) return;
  checkObject('offload', offload);
  checkFlag('offload.tcp', offload.tcp);
  checkFlag('offload.udp', offload.udp);
}

/**
 * How many packets the kernel queues for the process. This is twice the kernel's default, so that a
 * short pause of the process does not lose packets.
 */
const TX_QUEUE_LENGTH = 1000;
