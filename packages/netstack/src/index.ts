/**
 * An IP stack, sans-I/O: it opens no sockets of the system, reads no clock and creates no random
 * numbers.
 *
 * @module
 */
export { Stack, type ConnectOptions, type ListenOptions, type Socket } from './stack.ts';
export { createPacketOffload, OFFLOAD, type PacketOffload } from './packet-offload.ts';
export type { TcpOptions } from './tcp/tcp-options.ts';
export type { ChangedSocket } from './port/receivers.ts';
export type { ConnectionUser, TcpState } from './tcp/connection.ts';
export { TcpListener } from './tcp/tcp-listener.ts';
export { TcpSocket } from './tcp/tcp-socket.ts';
export type { StackOptions } from './stack-options.ts';
export { UdpSocket, type UdpOptions } from './udp/udp-socket.ts';
export { EchoSocket } from './icmp/echo-socket.ts';
export type { DatagramOrigin } from './udp/datagram-queue.ts';
export { DROP_REASONS, DropCounters, type DropReason } from './drop-reason.ts';
export { StackError, type StackErrorCode } from './errors.ts';
export { IpAddress } from './wire/ip-address.ts';
