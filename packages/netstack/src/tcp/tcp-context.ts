/**
 * `TcpContext`: what all connections of a stack share.
 *
 * @module
 */
import { TokenBucket } from '@litz/core/internals';
import type { StackError } from '../errors.ts';
import { DeadlineHeap } from '../memory/deadline-heap.ts';
import type { SipHash } from '../sip-hash.ts';
import { PortTable, type BoundSocket } from '../port/port-table.ts';
import { TcpHeader } from '../wire/tcp-header.ts';
import { ConnectionTable } from './connection-table.ts';
import type { Connection, ConnectionListener } from './connection.ts';
import type { CheckedTcpOptions } from './tcp-options.ts';

/** Accepts connections at a local port. */
export interface BoundListener extends BoundSocket, ConnectionListener {
  readonly options: CheckedTcpOptions;
  /** Whether the backlog has space for one more handshake. */
  readonly hasFreePlace: boolean;
  /** When a SYN was last answered with a cookie. */
  cookieAt: number;
  /** When the acknowledgement of a cookie was last refused. */
  refusedAt: number;
  /** Must be called when a handshake has begun. */
  begin(connection: Connection): void;
  /** Closes the listener, because the stack was closed. */
  end(error: StackError): void;
}

export class TcpContext {
  readonly connections: ConnectionTable;
  readonly deadlines: DeadlineHeap<Connection> = new DeadlineHeap<Connection>();
  readonly listeners: PortTable<BoundListener>;
  /** Connections that may have something to send, in turn. */
  readonly ready: Connection[] = [];
  /** Connections in TIME-WAIT, the oldest one first. */
  readonly timeWait: Set<Connection> = new Set<Connection>();
  /** Limits the challenge ACKs of all connections (RFC 5961 7). */
  readonly challenges: TokenBucket = new TokenBucket(CHALLENGES_PER_SECOND, CHALLENGES_PER_SECOND);
  /** Limits the RSTs that `answerReset` sends. */
  readonly resets: TokenBucket = new TokenBucket(RESETS_PER_SECOND, RESETS_PER_SECOND);
  /** The segment that is being received. */
  readonly segment: TcpHeader = new TcpHeader();

  constructor(hash: SipHash, randomBytes: (out: Uint8Array) => void) {
    this.connections = new ConnectionTable(hash);
    this.listeners = new PortTable<BoundListener>(randomBytes);
  }

  /** Must be called when a connection may have something to send, or its timers have changed. */
  wake(connection: Connection): void {
    this.deadlines.update(connection);
    if (connection.isReady) return;
    connection.isReady = true;
    this.ready.push(connection);
  }
}

const CHALLENGES_PER_SECOND = 1000;
const RESETS_PER_SECOND = 1000;
