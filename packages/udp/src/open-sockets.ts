/**
 * `openSockets`: opens and binds UDP sockets for a WireGuard device: IPv4 and IPv6 on one port.
 *
 * @module
 */
import { endianness, release } from 'node:os';
import { WireGuardError } from '@litz/core';
import { allocate, check, libc, SystemError, type Region } from '@litz/sys';
import {
  AF_INET,
  AF_INET6,
  EADDRINUSE,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  IP_PKTINFO,
  IP_RECVTOS,
  IPV6_RECVPKTINFO,
  IPV6_RECVTCLASS,
  IPV6_V6ONLY,
  SO_ATTACH_FILTER,
  SO_DETACH_FILTER,
  SO_MARK,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SO_RXQ_OVFL,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCKADDR_IN6_LENGTH,
  SOCKADDR_IN_LENGTH,
  SOL_IP,
  SOL_IPV6,
  SOL_SOCKET,
  SOL_UDP,
  UDP_GRO,
  UDP_SEGMENT,
  writePointer,
  type Family,
} from './linux-abi.ts';

/** The sockets of both families, bound to one port. */
export interface BoundSockets {
  readonly port: number;
  /** File descriptors, owned by the caller. Undefined if the system does not have the family. */
  readonly v4: number | undefined;
  readonly v6: number | undefined;
}

/** Options of `openSockets`. */
export interface SocketOptions {
  /** Bytes of the kernel's receive buffer and of its send buffer. */
  bufferBytes: number;
  mark: number;
  /** Binds to 127.0.0.1 and ::1 instead of all addresses. */
  loopbackOnly: boolean;
}

/**
 * Binds both families to `port`; 0 chooses a port that is free for both. One family may be missing.
 *
 * @throws {SystemError} `errno` 'EADDRINUSE': the port is taken for one of the families;
 *   'EADDRNOTAVAIL': `loopbackOnly` is set and there is no loopback; 'EAFNOSUPPORT': the system has
 *   neither family
 */
export function openSockets(port: number, options: SocketOptions): BoundSockets {
  requireKnownLayout();
  for (let attempt = 1; ; attempt++) {
    const v4 = openFamily(4, port, options);
    let v6: number | undefined;
    try {
      const chosen = v4 === undefined ? port : boundPort(v4);
      v6 = openFamily(6, chosen, options);
      if (v4 === undefined && v6 === undefined) {
        throw new SystemError('socket', EAFNOSUPPORT, 'cannot open a UDP socket of either family');
      }
      return { port: chosen === 0 ? boundPort(v6!) : chosen, v4, v6 };
    } catch (error) {
      for (const fd of [v4, v6]) if (fd !== undefined) libc().close(fd);
      const taken = error instanceof SystemError && error.errnoNumber === EADDRINUSE;
      if (port !== 0 || !taken || attempt === PORT_TRIES) throw error;
    }
  }
}

/** Sets SO_MARK. @throws {SystemError} the process does not have CAP_NET_ADMIN */
export function setSocketMark(fd: number, mark: number): void {
  check(setInt(fd, SOL_SOCKET, SO_MARK, mark), 'setsockopt', `cannot set mark ${mark}`);
}

/**
 * Whether this kernel can split a message of this socket into datagrams (UDP_SEGMENT, Linux 4.18).
 */
export function canSegment(fd: number): boolean {
  const region = allocate(8);
  region.view.setUint32(4, 4, true);
  return libc().getsockopt(fd, SOL_UDP, UDP_SEGMENT, region.address, region.address + 4) === 0;
}

/**
 * Makes the kernel coalesce received datagrams from now on (UDP_GRO, Linux 5.0).
 *
 * @returns undefined if the kernel coalesces for all sockets; the reason if it does not
 */
export function enableCoalescing({ v4, v6 }: BoundSockets): string | undefined {
  if (!coalescesReliably()) return 'kernels before 5.12 can corrupt datagrams that they coalesce';
  const results = [v4, v6].map((fd) => fd === undefined || setInt(fd, SOL_UDP, UDP_GRO, 1) === 0);
  return results.every(Boolean) ? undefined : 'the kernel has no UDP_GRO';
}

/**
 * Makes the kernel run a classic BPF program on received datagrams, instead of the previous
 * program. undefined removes the program.
 *
 * @returns whether that worked
 */
export function attachFilter(fd: number, program: Uint8Array | undefined): boolean {
  if (!program) return setInt(fd, SOL_SOCKET, SO_DETACH_FILTER, 0) === 0;
  // struct sock_fprog: the number of instructions, then their address.
  const region = allocate(SOCK_FPROG_LENGTH + program.length);
  region.view.setUint16(0, program.length / SOCK_FILTER_LENGTH, true);
  writePointer(
    new Uint32Array(region.bytes.buffer, region.bytes.byteOffset, 4),
    2,
    region.address + SOCK_FPROG_LENGTH,
  );
  region.bytes.set(program, SOCK_FPROG_LENGTH);
  const attach = (): number =>
    libc().setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, region.address, SOCK_FPROG_LENGTH);
  if (attach() === 0) return true;
  // The kernel may have memory for only one program (net.core.optmem_max). So the previous program
  // is removed first.
  return setInt(fd, SOL_SOCKET, SO_DETACH_FILTER, 0) === 0 && attach() === 0;
}

/** A socket that is bound to the loopback address. */
export interface LoopbackSocket {
  /** The caller must close it. */
  readonly fd: number;
  readonly port: number;
}

/**
 * Opens a socket on 127.0.0.1 with a free port.
 *
 * @param gro whether to set UDP_GRO
 * @returns undefined if the address, the socket or UDP_GRO is not available
 */
export function openLoopback(gro: boolean): LoopbackSocket | undefined {
  const fd = libc().socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return undefined;
  const { address, bytes } = loopback(4, 0);
  const isOpen =
    libc().bind(fd, address, bytes.length) === 0 && (!gro || setInt(fd, SOL_UDP, UDP_GRO, 1) === 0);
  if (isOpen) return { fd, port: boundPort(fd) };
  libc().close(fd);
  return undefined;
}

/** @returns undefined if the system does not have the family */
function openFamily(family: Family, port: number, options: SocketOptions): number | undefined {
  const domain = family === 4 ? AF_INET : AF_INET6;
  const fd = libc().socket(domain, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 && libc().errno() === EAFNOSUPPORT) return undefined;
  check(fd, 'socket', `cannot open a UDP socket for IPv${family}`);
  try {
    configure(fd, family, options);
    const address = (options.loopbackOnly ? loopback : wildcard)(family, port);
    const bound = libc().bind(fd, address.address, address.bytes.length);
    if (bound < 0 && family === 6 && libc().errno() === EADDRNOTAVAIL) {
      libc().close(fd);
      return undefined;
    }
    check(bound, 'bind', `cannot bind UDP port ${port} for IPv${family}`);
    return fd;
  } catch (error) {
    libc().close(fd);
    throw error;
  }
}

function configure(fd: number, family: Family, options: SocketOptions): void {
  const must = (level: number, name: number, value: number): void => {
    check(setInt(fd, level, name, value), 'setsockopt');
  };
  if (family === 4) {
    must(SOL_IP, IP_PKTINFO, 1);
    must(SOL_IP, IP_RECVTOS, 1);
  } else {
    must(SOL_IPV6, IPV6_V6ONLY, 1);
    must(SOL_IPV6, IPV6_RECVPKTINFO, 1);
    must(SOL_IPV6, IPV6_RECVTCLASS, 1);
  }
  // The plain option is limited by net.core.rmem_max, and the forced one needs CAP_NET_ADMIN.
  // Either may give smaller buffers than requested, which only causes more drops under load.
  setInt(fd, SOL_SOCKET, SO_RCVBUF, options.bufferBytes);
  setInt(fd, SOL_SOCKET, SO_SNDBUF, options.bufferBytes);
  setInt(fd, SOL_SOCKET, SO_RCVBUFFORCE, options.bufferBytes);
  setInt(fd, SOL_SOCKET, SO_SNDBUFFORCE, options.bufferBytes);
  setInt(fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
  if (options.mark !== 0) setSocketMark(fd, options.mark);
}

/**
 * Whether UDP_GRO can be used. Kernels before 5.12 have it, but corrupt datagrams in some
 * forwarding set-ups.
 */
function coalescesReliably(): boolean {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  return major > 5 || (major === 5 && minor >= 12);
}

function wildcard(family: Family, port: number): Region {
  const region = allocate(family === 4 ? SOCKADDR_IN_LENGTH : SOCKADDR_IN6_LENGTH);
  region.view.setUint16(0, family === 4 ? AF_INET : AF_INET6, true);
  region.view.setUint16(2, port, false);
  return region;
}

function loopback(family: Family, port: number): Region {
  const region = wildcard(family, port);
  if (family === 4) region.view.setUint32(4, INADDR_LOOPBACK, false);
  // The last of the 16 bytes of ::1. The address follows the flow label.
  else region.view.setUint8(8 + 15, 1);
  return region;
}

function boundPort(fd: number): number {
  const region = allocate(SOCKADDR_IN6_LENGTH + 4);
  region.view.setUint32(SOCKADDR_IN6_LENGTH, SOCKADDR_IN6_LENGTH, true);
  const length = region.address + SOCKADDR_IN6_LENGTH;
  check(libc().getsockname(fd, region.address, length), 'getsockname');
  return region.view.getUint16(2, false);
}

function setInt(fd: number, level: number, name: number, value: number): number {
  const region = allocate(4);
  region.view.setUint32(0, value, true);
  return libc().setsockopt(fd, level, name, region.address, 4);
}

/** linux-abi.ts has the structures of 64-bit little-endian machines only. */
function requireKnownLayout(): void {
  libc();
  if (endianness() === 'LE' && !['arm', 'ia32', 'mipsel'].includes(process.arch)) return;
  throw new WireGuardError(
    'ERR_LITZ_UNSUPPORTED_PLATFORM',
    `batched UDP sockets expected a 64-bit little-endian machine, got ${process.arch}`,
  );
}

const SOCK_FPROG_LENGTH = 16;
const SOCK_FILTER_LENGTH = 8;
/** How many free IPv4 ports are tried until one is also free for IPv6. */
const PORT_TRIES = 100;
/** 127.0.0.1 */
const INADDR_LOOPBACK = 0x7f00_0001;
