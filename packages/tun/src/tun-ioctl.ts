/**
 * The ioctls of a TUN descriptor; see linux/if_tun.h and drivers/net/tun.c.
 *
 * ```
 * struct ifreq: name (16) | union (24), of which the flags (2) are one member
 * ```
 *
 * @module
 */
import { allocate, check, libc, NetworkNamespace, type Region } from '@litz/sys';
import { INTERFACE_NAME_SIZE } from './interface-name.ts';

/**
 * The super-packets that the kernel passes and accepts. Each kind includes packets with incomplete
 * checksums.
 */
export interface TunOffloads {
  /** TCP super-packets, IPv4 and IPv6. */
  readonly tcp: boolean;
  /** UDP super-packets (Linux 6.2). */
  readonly udp: boolean;
}

/**
 * TUNSETIFF: makes the interface, or attaches to a persistent one.
 *
 * @returns the name of the interface; for a template such as `wg%d`, the name with its number
 * @throws {SystemError} EPERM, EBUSY, EINVAL
 */
export function attachInterface(fd: number, name: string, detail: string): string {
  const request = allocate(IFREQ_LENGTH);
  new TextEncoder().encodeInto(name, request.bytes);
  request.view.setUint16(FLAGS, IFF_TUN | IFF_NO_PI | IFF_VNET_HDR, true);
  check(libc().ioctl(fd, TUNSETIFF, request.address), 'TUNSETIFF', detail);
  return nameIn(request);
}

/**
 * TUNSETVNETHDRSZ: sets the length of the vnet header. Without this call, a persistent interface
 * keeps the length that its last user set.
 *
 * @throws {SystemError} EBADFD: the interface is gone
 */
export function setVnetHeaderLength(fd: number, length: number): void {
  const value = allocate(4);
  value.view.setInt32(0, length, true);
  check(libc().ioctl(fd, TUNSETVNETHDRSZ, value.address), 'TUNSETVNETHDRSZ');
}

/**
 * TUNSETOFFLOAD: enables the wanted offloads that this kernel supports, and no others. TSO_ECN is
 * left out, so that the kernel itself segments packets with CWR.
 *
 * @returns the offloads that were accepted
 */
export function setOffloads(fd: number, wanted: TunOffloads): TunOffloads {
  const smaller = [wanted, { ...wanted, udp: false }];
  for (const offloads of smaller) {
    if (libc().ioctl(fd, TUNSETOFFLOAD, offloadFlags(offloads)) >= 0) return offloads;
  }
  check(libc().ioctl(fd, TUNSETOFFLOAD, 0), 'TUNSETOFFLOAD');
  return { tcp: false, udp: false };
}

/**
 * TUNSETPERSIST: whether the interface stays when the descriptor is closed.
 *
 * @throws {SystemError} EBADFD: the interface is gone
 */
export function setPersistence(fd: number, isPersistent: boolean): void {
  check(libc().ioctl(fd, TUNSETPERSIST, isPersistent ? 1 : 0), 'TUNSETPERSIST');
}

/**
 * TUNGETIFF: returns the current name of the interface, in any namespace; undefined if it is gone.
 */
export function interfaceNameOf(fd: number): string | undefined {
  const request = allocate(IFREQ_LENGTH);
  return libc().ioctl(fd, TUNGETIFF, request.address) < 0 ? undefined : nameIn(request);
}

/**
 * TUNGETDEVNETNS (Linux 5.2): opens the network namespace that the interface is in now. The caller
 * must close it.
 *
 * @throws {SystemError} EPERM: no CAP_NET_ADMIN in that namespace; EINVAL: the kernel is older
 */
export function namespaceOf(fd: number): NetworkNamespace {
  const namespace = check(libc().ioctl(fd, TUNGETDEVNETNS, 0), 'TUNGETDEVNETNS');
  try {
    return NetworkNamespace.open(`/proc/self/fd/${namespace}`);
  } finally {
    libc().close(namespace);
  }
}

function offloadFlags({ tcp, udp }: TunOffloads): number {
  if (!tcp && !udp) return 0;
  return TUN_F_CSUM | (tcp ? TUN_F_TSO4 | TUN_F_TSO6 : 0) | (udp ? TUN_F_USO4 | TUN_F_USO6 : 0);
}

function nameIn({ bytes }: Region): string {
  const name = bytes.subarray(0, INTERFACE_NAME_SIZE);
  const end = name.indexOf(0);
  return new TextDecoder().decode(end < 0 ? name : name.subarray(0, end));
}

const TUNSETIFF = 0x400454ca;
const TUNSETPERSIST = 0x400454cb;
const TUNSETOFFLOAD = 0x400454d0;
const TUNGETIFF = 0x800454d2;
const TUNSETVNETHDRSZ = 0x400454d8;
const TUNGETDEVNETNS = 0x54e3;
const IFF_TUN = 0x0001;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
const TUN_F_CSUM = 0x01;
const TUN_F_TSO4 = 0x02;
const TUN_F_TSO6 = 0x04;
const TUN_F_USO4 = 0x20;
const TUN_F_USO6 = 0x40;
const IFREQ_LENGTH = 40;
const FLAGS = INTERFACE_NAME_SIZE;
