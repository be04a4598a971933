/**
 * Constants and layouts of Linux's socket interface, for 64-bit little-endian machines. An mmsghdr
 * describes one message: one datagram, or several with one length (GSO, GRO).
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

/** sys/socket.h: the family of IPv4. */
export const AF_INET = 2;
/** sys/socket.h: the family of IPv6. */
export const AF_INET6 = 10;
/** sys/socket.h: a type of sockets, which send and receive datagrams. */
export const SOCK_DGRAM = 2;
/** sys/socket.h: a flag of socket(2): no call on the socket waits. */
export const SOCK_NONBLOCK = 0o4000;
/** sys/socket.h: a flag of socket(2): programs that the process executes do not get the socket. */
export const SOCK_CLOEXEC = 0o2000000;

/** linux/socket.h: the level of the IP_ options. */
export const SOL_IP = 0;
/** asm-generic/socket.h: the level of the SO_ options. */
export const SOL_SOCKET = 1;
/** linux/socket.h: the level of the UDP_ options. */
export const SOL_UDP = 17;
/** linux/socket.h: the level of the IPV6_ options. */
export const SOL_IPV6 = 41;

/**
 * asm-generic/socket.h: an option, the bytes of the send buffer. The kernel allows at most
 * net.core.wmem_max.
 */
export const SO_SNDBUF = 7;
/**
 * asm-generic/socket.h: an option, the bytes of the receive buffer. The kernel allows at most
 * net.core.rmem_max.
 */
export const SO_RCVBUF = 8;
/**
 * asm-generic/socket.h: an option, a BPF program that decides which datagrams the socket receives.
 */
export const SO_ATTACH_FILTER = 26;
/** asm-generic/socket.h: an option that removes the BPF program. */
export const SO_DETACH_FILTER = 27;
/** asm-generic/socket.h: as SO_SNDBUF, without the limit. Needs CAP_NET_ADMIN. */
export const SO_SNDBUFFORCE = 32;
/** asm-generic/socket.h: as SO_RCVBUF, without the limit. Needs CAP_NET_ADMIN. */
export const SO_RCVBUFFORCE = 33;
/** asm-generic/socket.h: an option, the firewall mark of the packets that are sent. */
export const SO_MARK = 36;
/**
 * asm-generic/socket.h: an option and a control message: how many datagrams the kernel has dropped
 * at the socket.
 */
export const SO_RXQ_OVFL = 40;

/** linux/in.h: a control message, the TOS byte of a datagram over IPv4. */
export const IP_TOS = 1;
/**
 * linux/in.h: an option and a control message: the local address and interface of a datagram over
 * IPv4.
 */
export const IP_PKTINFO = 8;
/** linux/in.h: an option: the socket reports the TOS byte of each datagram. */
export const IP_RECVTOS = 13;
/** linux/in6.h: an option: the socket does not receive IPv4 datagrams. */
export const IPV6_V6ONLY = 26;
/** linux/in6.h: an option: the socket reports the local address and interface of each datagram. */
export const IPV6_RECVPKTINFO = 49;
/** linux/in6.h: a control message, the local address and interface of a datagram over IPv6. */
export const IPV6_PKTINFO = 50;
/** linux/in6.h: an option: the socket reports the traffic class of each datagram. */
export const IPV6_RECVTCLASS = 66;
/** linux/in6.h: a control message, the traffic class of a datagram over IPv6. */
export const IPV6_TCLASS = 67;
/**
 * linux/udp.h: a control message, the length in bytes of the datagrams into which the kernel splits
 * a message (GSO).
 */
export const UDP_SEGMENT = 103;
/**
 * linux/udp.h: an option: the kernel joins received datagrams (GRO); and a control message: the
 * length in bytes of each of them.
 */
export const UDP_GRO = 104;

/** linux/socket.h: a flag of recvmsg(2): the buffer was too short for the control messages. */
export const MSG_CTRUNC = 0x08;
/** sys/socket.h: a flag of recvmsg(2): the datagram was longer than the buffer. */
export const MSG_TRUNC = 0x20;
/** poll.h: the descriptor can be written. */
export const POLLOUT = 0x04;

/** errno.h: a signal interrupted the call. */
export const EINTR = 4;
/** errno.h: input or output failed. */
export const EIO = 5;
/** errno.h: the call would have to wait. */
export const EAGAIN = 11;
/** errno.h: there is no such device. */
export const ENODEV = 19;
/** errno.h: an argument is wrong, or not supported. */
export const EINVAL = 22;
/** errno.h: the datagram is too long. */
export const EMSGSIZE = 90;
/** errno.h: the kernel or the socket does not have this address family. */
export const EAFNOSUPPORT = 97;
/** errno.h: the address and port are taken. */
export const EADDRINUSE = 98;
/** errno.h: the address is not one of this machine. */
export const EADDRNOTAVAIL = 99;
/** errno.h: the interface is down. */
export const ENETDOWN = 100;
/** errno.h: there is no route to the network. */
export const ENETUNREACH = 101;
/** errno.h: the kernel has no buffer space left. */
export const ENOBUFS = 105;
/** errno.h: no socket listens at the destination port. */
export const ECONNREFUSED = 111;
/** errno.h: the destination host is down. */
export const EHOSTDOWN = 112;
/** errno.h: there is no route to the host. */
export const EHOSTUNREACH = 113;

/** sizeof(struct mmsghdr) in bytes. */
export const MMSGHDR_LENGTH = 64;
/** sizeof(struct iovec) in bytes. */
export const IOVEC_LENGTH = 16;
/** sizeof(struct sockaddr_in) in bytes. */
export const SOCKADDR_IN_LENGTH = 16;
/** sizeof(struct sockaddr_in6) in bytes. */
export const SOCKADDR_IN6_LENGTH = 28;
/** Bytes for a sockaddr of either family, so that the next one stays aligned. */
export const SOCKADDR_SLOT_LENGTH = 32;
/** sizeof(struct cmsghdr) in bytes. The data of a control message come after it. */
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
