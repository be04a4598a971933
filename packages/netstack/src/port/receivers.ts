/**
 * The interfaces through which the stack calls its sockets. The sockets import the state of the
 * stack, and the state imports only these interfaces, so there is no circle of imports.
 *
 * @module
 */
import type { StackError } from '../errors.ts';
import type { DatagramQueue } from '../udp/datagram-queue.ts';
import type { IpAddress } from '../wire/ip-address.ts';
import type { BoundSocket } from './port-table.ts';

/** A socket that the stack reports when its state has changed. */
export interface ChangedSocket {
  /** Whether the socket is in the list of changed sockets. */
  isChanged: boolean;
}

/** A socket for UDP datagrams, or for echo requests and replies. Both are called messages here. */
export interface MessageReceiver extends BoundSocket, ChangedSocket {
  readonly queue: DatagramQueue;
  /** Whether the socket receives messages from this address and port. */
  accepts(source: IpAddress, port: number): boolean;
  /**
   * Takes an error that ICMP has reported about a message that the socket has sent to this
   * address and port.
   */
  fail(error: StackError, destination: IpAddress, port: number): void;
  /** Closes the socket, because the stack was closed. */
  end(error: StackError): void;
}
