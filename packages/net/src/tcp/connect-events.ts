/**
 * `connectEvents`: the events of a socket on its way to a connection, as net.Socket emits them.
 *
 * @module
 */
import type { EventEmitter } from 'node:events';
import type { ConnectorListener } from './connector.ts';

/** A socket that is told which addresses were tried. */
export interface ConnectingSocket extends EventEmitter {
  autoSelectFamilyAttemptedAddresses: string[] | undefined;
}

/**
 * Returns a listener that emits what happens.
 *
 * @param host what is looked up
 * @param outcome what the socket does in the end
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
