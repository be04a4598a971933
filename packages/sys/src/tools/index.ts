/**
 * Tools for the demo, the examples and the tests; devices do not use them. Ping, raw ICMP sockets,
 * packet sockets that capture, and private mounts.
 *
 * @module
 */
export { bindMount, enterPrivateMounts, unmount } from './mount.ts';
export { PacketSocket } from './packet-socket.ts';
export { ping, type PingOptions, type PingResult } from './ping.ts';
export { RawSocket, type ReceivedIcmp } from './raw-socket.ts';
