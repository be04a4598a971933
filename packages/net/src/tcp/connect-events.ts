/**
 * `connectEvents`: emits the events of a socket that connects, as net.Socket does.
 *
 * @module
 */
import type { EventEmitter } from 'node:events';
import type { ConnectorListener } from './connector.ts';

/** A socket that connects. Its field lists the addresses that were tried. */
export interface ConnectingSocket extends EventEmitter {
  autoSelectFamilyAttemptedAddresses: string[] | undefined;
}

/**
 * Returns a listener for a `Connector`. It emits the events of `socket`.
 *
 * @param host the name that is looked up
 * @param outcome the functions to call when the connection is established or has failed
 */
export function connectEvents(
  socket: ConnectingSocket,
  host: string,
  outcome: Pick<ConnectorListener, 'connected' | 'failed'>,
): ConnectorListener {
  return {
    ...outcome,
    lookup: (error, address, family) => socket.emit('lookup', error, address, family, host),
    attempt(address, port, family, isOneOfMany) {
      const name = `${address}:${port}`;
      if (isOneOfMany) (socket.autoSelectFamilyAttemptedAddresses ??= []).push(name);
      socket.emit('connectionAttempt', address, port, family);
    },
    attemptFailed: (address, port, family, error) =>
      socket.emit('connectionAttemptFailed', address, port, family, error),
  };
}
