/**
 * Sockets, HTTP and DNS through a WireGuard tunnel, without root and without a TUN device.
 *
 * @module
 */
export type { NetworkError } from './errors.ts';
export type { LookupOptions } from './dns/lookup.ts';
export type { Connector, ConnectorOptions, Fetch, FetchOptions } from './http/dispatcher.ts';
export type { ConnectionServer } from './http/serve.ts';
export { Network, type LookupDone, type NetworkEvents, type NetworkSource } from './network.ts';
export type { NetworkOptions } from './network-options.ts';
export { NetworkTun, type NetworkTunOptions } from './network-tun.ts';
export { StackTun, type StackTunOptions } from './link/stack-tun.ts';
export type { ConnectOptions, SocketOptions } from './tcp/connect-options.ts';
export type { OnReadOptions } from './tcp/on-read.ts';
export type { ListenOptions } from './tcp/listen-options.ts';
export {
  Server,
  type DroppedConnection,
  type ServerEvents,
  type ServerOptions,
} from './tcp/server.ts';
export type { SocketOwner } from './socket-host.ts';
export type { ConnectionEnds } from './tcp/connection-ends.ts';
export { Socket, type AcceptedSocket, type SocketNetwork } from './tcp/socket.ts';
export type { BindOptions } from './udp/datagram-arguments.ts';
export {
  DatagramSocket,
  type DatagramSocketEvents,
  type DatagramSocketOptions,
  type RemoteInfo,
  type SendMessage,
} from './udp/datagram-socket.ts';
export type { PingOptions, PingReply } from './icmp/ping.ts';
