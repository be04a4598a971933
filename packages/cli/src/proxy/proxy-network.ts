/**
 * `ProxyNetwork`: what `litz proxy` needs of a network. The network inside the tunnel has this form
 * (`open-network.ts`), and so has the network of the machine (`machine-network.ts`).
 *
 * @module
 */
import type { Duplex } from 'node:stream';

/** A TCP connection: `net.Socket`, or the socket of `@litz/net`. */
export interface StreamSocket extends Duplex {
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly connecting: boolean;
}

/** A TCP server: `net.Server`, or the server of `@litz/net`. */
export interface StreamServer {
  listen(options: { port: number; host?: string }): unknown;
  address(): { readonly address: string; readonly port: number } | string | null;
  close(callback?: (error?: Error) => void): unknown;
  on(event: 'connection', listener: (socket: StreamSocket) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  once(event: 'listening', listener: () => void): unknown;
  once(event: 'error', listener: (error: Error) => void): unknown;
  off(event: 'error', listener: (error: Error) => void): unknown;
}

/** Who sent a datagram. */
export interface DatagramSource {
  readonly address: string;
  readonly port: number;
}

/** A UDP socket: `dgram.Socket`, or the socket of `@litz/net`. */
export interface DatagramSocket {
  bind(options: { port: number; address?: string }): unknown;
  send(
    bytes: Uint8Array,
    port: number,
    address: string,
    callback?: (error: Error | null) => void,
  ): unknown;
  address(): { readonly address: string; readonly port: number };
  close(): unknown;
  on(event: 'message', listener: (bytes: Uint8Array, source: DatagramSource) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  once(event: 'listening', listener: () => void): unknown;
  once(event: 'error', listener: (error: Error) => void): unknown;
  off(event: 'error', listener: (error: Error) => void): unknown;
}

/** One side of a proxy: the network inside the tunnel, or that of the machine. */
export interface ProxyNetwork {
  /**
   * The addresses of this side, without prefix length. They say which families a UDP port without
   * an address listens on. Undefined: IPv4.
   */
  readonly addresses?: readonly string[];
  connect(options: {
    host: string;
    port: number;
    allowHalfOpen: boolean;
    signal: AbortSignal;
  }): StreamSocket;
  createServer(options: { allowHalfOpen: boolean; pauseOnConnect: boolean }): StreamServer;
  createSocket(type: 'udp4' | 'udp6'): DatagramSocket;
  lookup(
    name: string,
    options: object,
    callback: (error: Error | null, address: string, family: number) => void,
  ): void;
}
