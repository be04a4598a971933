/**
 * Tools for the demo, the examples and the tests, which devices do not use: ping, raw ICMP
 * sockets, packet sockets that capture, and private mounts.
 *
 * @module
 */
export { bindMount, enterPrivateMounts, unmount } from './mount.ts';
export { PacketSocket } from './packet-socket.ts';
export { ping, type PingOptions, type PingResult } from './ping.ts';
export { RawSocket, type ReceivedIcmp } from './raw-socket.ts';
