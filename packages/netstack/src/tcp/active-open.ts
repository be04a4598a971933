/**
 * `openConnection`: begins a connection from a local port that nobody can predict (RFC 6056).
 *
 * @module
 */
import { StackError } from '../errors.ts';
import type { StackState } from '../stack-state.ts';
import type { Connection } from './connection.ts';
import { changeState, createConnection, type Ends } from './lifecycle.ts';
import type { CheckedTcpOptions } from './tcp-options.ts';

/**
 * Begins a connection: its SYN is sent when the device takes it.
 *
 * @param ends `localPort` 0: a free one
 * @throws {StackError} `EADDRINUSE`: these ends are in use; `EADDRNOTAVAIL`: all ports are
 */
export function openConnection(
  state: StackState,
  ends: Ends,
  options: CheckedTcpOptions,
): Connection {
  const localPort = ends.localPort || choosePort(state, ends);
  if (isTaken(state, ends, localPort)) {
    const name = `${ends.local.toString()} port ${localPort}`;
    throw new StackError('EADDRINUSE', `${name} is connected to there already`);
  }
  const c = createConnection(state, { ...ends, localPort }, options);
  changeState(state, c, 'syn-sent');
  state.tcp.wake(c);
  return c;
}

/**
 * RFC 6056 3.3.4, algorithm 4: an offset for the other end that nobody can predict, and a counter,
 * so that a port is used again as late as possible.
 */
function choosePort(state: StackState, ends: Ends): number {
  const { hash, identifications, tcp } = state;
  const offset = hash.begin().address(ends.local).address(ends.remote).word(ends.remotePort).end();
  const counter = hash.high & (identifications.length - 1);
  for (let tries = 0; tries < PORT_COUNT; tries++) {
    const number = (offset + identifications[counter]++) >>> 0;
    const port = FIRST_PORT + (number % PORT_COUNT);
    if (tcp.listeners.isFree(undefined, port) && !isTaken(state, ends, port)) return port;
  }
  throw new StackError('EADDRNOTAVAIL', 'all ports from 49152 to 65535 are in use');
}

function isTaken({ tcp }: StackState, { local, remote, remotePort }: Ends, port: number): boolean {
  return tcp.connections.find(local, port, remote, remotePort) !== undefined;
}

const FIRST_PORT = 49_152;
const PORT_COUNT = 16_384;
