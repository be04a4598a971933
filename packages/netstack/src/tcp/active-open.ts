/**
 * `openConnection`: begins a connection from a local port that nobody can predict (RFC 6056).
 *
 * @module
 */
import { StackError } from '../errors.ts';
import type { StackState } from '../stack-state.ts';
import type { Connection } from './connection.ts';
import {
  beginAfter,
  changeState,
  createConnection,
  endConnection,
  TIME_WAIT_MS,
  type Ends,
} from './lifecycle.ts';
import type { CheckedTcpOptions } from './tcp-options.ts';

/**
 * Begins a connection: its SYN is sent when the device takes it.
 *
 * @param ends `localPort` 0: a free port
 * @throws {StackError} `EADDRINUSE`: there is a connection with these addresses and ports;
 *   `EADDRNOTAVAIL`: all ports are in use
 */
export function openConnection(
  state: StackState,
  ends: Ends,
  options: CheckedTcpOptions,
): Connection {
  const localPort = ends.localPort || choosePort(state, ends);
  const previous = connectionAt(state, ends, localPort);
  if (previous && !mayReuse(state, previous)) {
    const name = `${ends.local.toString()} port ${localPort}`;
    throw new StackError('EADDRINUSE', `${name} is already connected to that address and port`);
  }
  if (previous) endConnection(state, previous);
  const c = createConnection(state, { ...ends, localPort }, options);
  if (previous) beginAfter(c, previous);
  changeState(state, c, 'syn-sent');
  state.tcp.wake(c);
  return c;
}

/**
 * RFC 6056 3.3.4, algorithm 4: the port comes from the sum of a counter and an offset. The offset
 * depends on the other end, and nobody can predict it. The counter grows with each port that is
 * tried, so a port is used again as late as possible.
 */
function choosePort(state: StackState, ends: Ends): number {
  const { hash, identifications, tcp } = state;
  const offset = hash.begin().address(ends.local).address(ends.remote).word(ends.remotePort).end();
  const counter = hash.high & (identifications.length - 1);
  // A connection from a port to the same port of the stack itself would answer its own SYN.
  const own = ends.local.equals(ends.remote) ? ends.remotePort : 0;
  for (let tries = 0; tries < PORT_COUNT; tries++) {
    const number = (offset + identifications[counter]++) >>> 0;
    const port = FIRST_PORT + (number % PORT_COUNT);
    if (port === own || !tcp.listeners.isFree(undefined, port)) continue;
    const previous = connectionAt(state, ends, port);
    if (!previous || mayReuse(state, previous)) return port;
  }
  throw new StackError('EADDRNOTAVAIL', `all ports from ${FIRST_PORT} to 65535 are in use`);
}

function connectionAt(
  { tcp }: StackState,
  { local, remote, remotePort }: Ends,
  port: number,
): Connection | undefined {
  return tcp.connections.find(local, port, remote, remotePort);
}

/**
 * Whether a new connection may have the addresses and ports of a connection in TIME-WAIT. If the
 * old connection uses timestamps, none of its segments is ever taken for a segment of the new one
 * (RFC 7323 5.3 and B.2; RFC 6191 2 if the other side begins the new one). The new connection must
 * begin at least one second later, so that the timestamp clocks of both sides have moved on
 * (tcp_tw_reuse_delay of Linux).
 */
function mayReuse({ now }: StackState, c: Connection): boolean {
  return c.state === 'time-wait' && c.usesTimestamps && c.slowAt - now <= REUSABLE_MS;
}

/** How long the remaining TIME-WAIT may be, in ms. */
const REUSABLE_MS = TIME_WAIT_MS - 1000;
/**
 * RFC 6056 3.2: as many ports as possible, from 1024 on. A listener may later take a port that a
 * connection has.
 */
const FIRST_PORT = 1024;
const PORT_COUNT = 65_536 - FIRST_PORT;
