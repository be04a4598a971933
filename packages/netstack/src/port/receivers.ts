/**
 * What the stack needs of its sockets, so that the sockets know the stack, but not the other way.
 *
 * @module
 */
import type { StackError } from '../errors.ts';
import type { DatagramQueue } from '../udp/datagram-queue.ts';
import type { IpAddress } from '../wire/ip-address.ts';
import type { BoundSocket } from './port-table.ts';

/** A socket whose state changed since the user was told. */
export interface ChangedSocket {
  /** Whether it is in the list of changed sockets. */
  isChanged: boolean;
}

/** Receives whole messages, and errors about those that it sent. */
export interface MessageReceiver extends BoundSocket, ChangedSocket {
  readonly queue: DatagramQueue;
  /** Whether it receives from there. */
  accepts(source: IpAddress, port: number): boolean;
  /** ICMP reports an error about a message to there. */
  fail(error: StackError, destination: IpAddress, port: number): void;
}
