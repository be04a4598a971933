/**
 * Batched UDP sockets with source addresses, mark and ECN.
 *
 * `openUdp` uses Linux's batched system calls. `openEventLoopUdp` opens the same sockets for a
 * program on the event loop of Node.js: a callback tells it when there are datagrams.
 * `openPortableUdp` opens sockets of node:dgram, on every system. They have the same methods for
 * sending and receiving.
 *
 * @module
 */
export { adoptUdp, type AdoptedSockets } from './adopt-udp.ts';
export type { BoundSockets } from './open-sockets.ts';
export { UdpCounters } from './counters.ts';
export { EventLoopUdp, openEventLoopUdp, type EventLoopUdpOptions } from './event-loop-udp.ts';
export { openPortableUdp, PortableUdp, type PortableUdpOptions } from './portable-udp.ts';
export { SLOT_LENGTH, type DatagramSink } from './receive-batch.ts';
export type { SendCallbacks } from './send-queue.ts';
export { sourceWorks, type RouteLookup, type SendingSocket } from './sticky-source.ts';
export { SuspectSources } from './suspect-sources.ts';
export { defaultSlots, type UdpOptions } from './udp-options.ts';
export { openUdp, UdpSockets } from './udp-sockets.ts';
export { interfaceIndex } from './zones.ts';
