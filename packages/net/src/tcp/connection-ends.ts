/**
 * `ConnectionEnds`: the addresses and ports of both ends of a connection, with the names of
 * net.Socket.
 *
 * @module
 */
import type { AddressInfo } from 'node:net';
import { Duplex } from 'node:stream';
import type { TcpSocket } from '@litz/netstack';
import { familyName } from './idle-timer.ts';

/** The part of a `Socket` that has its addresses, ports and state. */
export abstract class ConnectionEnds extends Duplex {
  /** @internal The socket of the stack; undefined before it is connected. */
  abstract get stackSocket(): TcpSocket | undefined;

  /** Whether the socket is connecting. */
  abstract get connecting(): boolean;

  /** Whether the socket is not connected: not yet, or not any more. */
  get pending(): boolean {
    return this.stackSocket === undefined || this.destroyed;
  }

  get readyState(): 'opening' | 'open' | 'readOnly' | 'writeOnly' | 'closed' {
    if (this.connecting) return 'opening';
    if (this.readable) return this.writable ? 'open' : 'readOnly';
    return this.writable ? 'writeOnly' : 'closed';
  }

  /** The number of written bytes that wait in the stream. */
  get bufferSize(): number {
    return this.writableLength;
  }

  get localAddress(): string | undefined {
    return this.stackSocket?.localAddress.toString();
  }

  get localPort(): number | undefined {
    return this.stackSocket?.localPort;
  }

  get localFamily(): 'IPv4' | 'IPv6' | undefined {
    return this.stackSocket && familyName(this.stackSocket.localAddress.version);
  }

  get remoteAddress(): string | undefined {
    return this.stackSocket?.remoteAddress.toString();
  }

  get remotePort(): number | undefined {
    return this.stackSocket?.remotePort;
  }

  get remoteFamily(): 'IPv4' | 'IPv6' | undefined {
    return this.stackSocket && familyName(this.stackSocket.remoteAddress.version);
  }

  /** Returns the local end of the connection; an empty object if there is no connection. */
  address(): AddressInfo | Record<string, never> {
    const { localAddress, localFamily, localPort } = this;
    if (localAddress === undefined) return {};
    return { address: localAddress, family: localFamily!, port: localPort! };
  }
}
