/**
 * Constants and layouts of Linux's socket interface, for 64-bit little-endian machines.
 *
 * ```
 * mmsghdr (64)                                          cmsghdr (16 + data, padded to 8)
 *  0 name*  8 namelen  16 iov*  24 iovlen               0 length (u64, header included)
 * 32 control*  40 controllen  48 flags  56 length       8 level   12 type   16 data
 *
 * sockaddr_in  (16)  0 family  2 port (BE)  4 address
 * sockaddr_in6 (28)  0 family  2 port (BE)  4 flow label  8 address  24 scope
 * in_pktinfo   (12)  0 interface  4 local address  8 destination in the header
 * in6_pktinfo  (20)  0 local address  16 interface
 * iovec        (16)  0 base*  8 length
 * ```
 *
 * @module
 */
export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOCK_DGRAM = 2;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;

export const SOL_IP = 0;
export const SOL_SOCKET = 1;
export const SOL_UDP = 17;
export const SOL_IPV6 = 41;

export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_ATTACH_FILTER = 26;
export const SO_DETACH_FILTER = 27;
export const SO_SNDBUFFORCE = 32;
export const SO_RCVBUFFORCE = 33;
export const SO_MARK = 36;
export const SO_RXQ_OVFL = 40;

export const IP_TOS = 1;
export const IP_PKTINFO = 8;
export const IP_RECVTOS = 13;
export const IPV6_V6ONLY = 26;
export const IPV6_RECVPKTINFO = 49;
export const IPV6_PKTINFO = 50;
export const IPV6_RECVTCLASS = 66;
export const IPV6_TCLASS = 67;
export const UDP_SEGMENT = 103;
export const UDP_GRO = 104;

export const MSG_CTRUNC = 0x08;
export const MSG_TRUNC = 0x20;
export const POLLOUT = 0x04;

export const EINTR = 4;
export const EIO = 5;
export const EAGAIN = 11;
export const ENODEV = 19;
export const EINVAL = 22;
export const EMSGSIZE = 90;
export const EAFNOSUPPORT = 97;
export const EADDRINUSE = 98;
export const EADDRNOTAVAIL = 99;
export const ENETDOWN = 100;
export const ENETUNREACH = 101;
export const ENOBUFS = 105;
export const ECONNREFUSED = 111;
export const EHOSTDOWN = 112;
export const EHOSTUNREACH = 113;

export const MMSGHDR_LENGTH = 64;
export const IOVEC_LENGTH = 16;
export const SOCKADDR_IN_LENGTH = 16;
export const SOCKADDR_IN6_LENGTH = 28;
/** Bytes for a sockaddr of either family, so that the next one stays aligned. */
export const SOCKADDR_SLOT_LENGTH = 32;
export const CMSGHDR_LENGTH = 16;

/** Which of the two sockets: 4 for IPv4, 6 for IPv6. */
export type Family = 4 | 6;

/** Returns the bytes that a control message with `dataLength` bytes takes (CMSG_SPACE). */
export function controlSpace(dataLength: number): number {
  return CMSGHDR_LENGTH + ((dataLength + 7) & ~7);
}

/** Writes an address without allocating a BigInt. `index` counts 32-bit words. */
export function writePointer(words: Uint32Array, index: number, address: number): void {
  words[index] = address; // modulo 2^32
  words[index + 1] = Math.floor(address / 0x1_0000_0000);
}
