/**
 * `openTunPair`: two TUN devices without interfaces. A packet written to one is read from the
 * other.
 *
 * @module
 */
import {
  allocate,
  check,
  checkFlag,
  checkObject,
  libc,
  linux,
  Netlink,
  type Link,
} from '@litz/sys';
import { TunDevice } from './tun-device.ts';
import type { TunOffloads } from './tun-ioctl.ts';

/**
 * Opens both devices on a pair of Unix sockets, which keep the boundaries of packets. They need no
 * privilege, and no other program sees them. They can only read, write and close, because they have
 * no interface. Tests and a warm-up use them.
 *
 * @param offloads the offloads that both devices report
 * @throws {SystemError} EMFILE, ENFILE: no descriptors are left
 */
export function openTunPair(offloads: TunOffloads): [TunDevice, TunDevice] {
  checkObject('offloads', offloads);
  checkFlag('tcp', offloads.tcp);
  checkFlag('udp', offloads.udp);
  const { view, address } = allocate(8);
  const type = linux.SOCK_DGRAM | linux.SOCK_NONBLOCK | linux.SOCK_CLOEXEC;
  // Both devices close this object; the second close does nothing.
  const netlink = new Netlink();
  try {
    check(libc().socketpair(linux.AF_UNIX, type, 0, address), 'socketpair');
  } catch (error) {
    netlink.close();
    throw error;
  }
  const open = (fd: number): TunDevice => new TunDevice(fd, NO_LINK, offloads, netlink);
  return [open(view.getInt32(0, true)), open(view.getInt32(4, true))];
}

const NO_LINK: Link = {
  // The kernel counts from 1, so no interface has this number.
  index: 0x7fff_ffff,
  name: 'none',
  mtu: 1420,
  flags: 0,
  up: true,
  running: true,
  kind: undefined,
  address: new Uint8Array(0),
  txQueueLength: 0,
};
