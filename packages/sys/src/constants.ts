/**
 * Constants of the Linux ABI, with the names of the C headers. They are the same on x64 and arm64.
 *
 * Only constants that several files need are here. The offsets of a structure are in the file that
 * uses the structure.
 *
 * @module
 */

/** fcntl.h: opens a file for reading only. */
export const O_RDONLY = 0;
/** fcntl.h: opens a file for reading and writing. */
export const O_RDWR = 2;
/** fcntl.h: no call on the descriptor waits. */
export const O_NONBLOCK = 0o4000;
/** fcntl.h: programs that the process executes do not get the descriptor. */
export const O_CLOEXEC = 0o2000000;

/** sys/socket.h: the family of Unix sockets. */
export const AF_UNIX = 1;
/** sys/socket.h: the family of IPv4. */
export const AF_INET = 2;
/** sys/socket.h: the family of IPv6. */
export const AF_INET6 = 10;
/** sys/socket.h: the family of netlink sockets. */
export const AF_NETLINK = 16;
/** sys/socket.h: the family of sockets that carry link-layer frames. */
export const AF_PACKET = 17;
/** sys/socket.h: a type of socket, which sends and receives datagrams. */
export const SOCK_DGRAM = 2;
/** sys/socket.h: a type of socket, which sends and receives packets with their headers. */
export const SOCK_RAW = 3;
/** sys/socket.h: a flag of socket(2): no call on the socket waits. */
export const SOCK_NONBLOCK = 0o4000;
/** sys/socket.h: a flag of socket(2): programs that the process executes do not get the socket. */
export const SOCK_CLOEXEC = 0o2000000;
/** sys/socket.h: a flag of recvmsg(2): the datagram was longer than the buffer. */
export const MSG_TRUNC = 0x20;

/** asm-generic/socket.h: the level of the SO_ options. */
export const SOL_SOCKET = 1;
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
/** asm-generic/socket.h: as SO_SNDBUF, without the limit. Needs CAP_NET_ADMIN. */
export const SO_SNDBUFFORCE = 32;
/** asm-generic/socket.h: as SO_RCVBUF, without the limit. Needs CAP_NET_ADMIN. */
export const SO_RCVBUFFORCE = 33;
/** asm-generic/socket.h: an option, the firewall mark of the packets that are sent. */
export const SO_MARK = 36;

/** poll.h: the descriptor can be read. */
export const POLLIN = 0x01;
/** poll.h: the descriptor can be written. */
export const POLLOUT = 0x04;
/** poll.h: the descriptor has an error. */
export const POLLERR = 0x08;
/** poll.h: the descriptor is not open. */
export const POLLNVAL = 0x20;

// The errors that the code handles. All other errors are only reported (SystemError).

/** errno.h: the operation is not permitted. */
export const EPERM = 1;
/** errno.h: there is no such file, link, route, ... */
export const ENOENT = 2;
/** errno.h: a signal interrupted the call. */
export const EINTR = 4;
/** errno.h: the call would have to wait. */
export const EAGAIN = 11;
/** errno.h: the file, link, route, ... exists already. */
export const EEXIST = 17;
/** errno.h: there is no such device. */
export const ENODEV = 19;
/** errno.h: an argument is wrong, or not supported. */
export const EINVAL = 22;
/** errno.h: the datagram or packet is too long. */
export const EMSGSIZE = 90;
/** errno.h: the address is not one of this machine. */
export const EADDRNOTAVAIL = 99;
/** errno.h: the interface is down. */
export const ENETDOWN = 100;
/** errno.h: the kernel has no buffer space left. */
export const ENOBUFS = 105;

/** sched.h: a flag of unshare(2) and setns(2): a mount namespace. */
export const CLONE_NEWNS = 0x00020000;
/** sched.h: a flag of unshare(2) and setns(2): a network namespace. */
export const CLONE_NEWNET = 0x40000000;
