/**
 * `closeSockets`: ends everything that a stack has, with one error.
 *
 * @module
 */
import type { StackError } from './errors.ts';
import type { StackState } from './stack-state.ts';
import { endConnection } from './tcp/lifecycle.ts';

/** Closes the stack: every socket fails with this error, and nothing is sent any more. */
export function closeSockets(state: StackState, error: StackError): void {
  state.failure = error;
  const { tcp, udp, echo, output } = state;
  // Listeners first: a connection that was not accepted must not be reported as a new one.
  for (const listener of tcp.listeners) listener.end(error);
  for (const connection of tcp.connections) {
    // A connection in TIME-WAIT has ended well, so it gets no error.
    endConnection(state, connection, connection.state === 'time-wait' ? undefined : error);
  }
  tcp.ready.length = 0;
  for (const socket of [...udp, ...echo]) socket.end(error);
  while (output.count > 0) output.drop();
}
