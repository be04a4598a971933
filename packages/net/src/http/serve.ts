/**
 * `serve`: gives a server of node:http, node:https, node:http2 or node:tls the connections of a
 * network.
 *
 * @module
 */
import { once, type EventEmitter } from 'node:events';
import type { SocketNetwork } from '../tcp/socket.ts';
import { Server, type ServerOptions } from '../tcp/server.ts';
import type { ListenOptions } from '../tcp/listen-options.ts';

/** A server of Node.js that takes connections as events, which all its stream servers do. */
export type ConnectionServer = EventEmitter & ServerOptions;

/**
 * Listens, and resolves when it does. Each connection is a 'connection' event of `server`, which
 * also gets 'listening': with it, node:http begins to watch its time limits.
 *
 * @returns the listener. Closing it ends the accepting; `server` itself is not listening.
 * @throws {Error} (rejects) `EADDRINUSE`, `EADDRNOTAVAIL`
 */
export async function serve(
  network: SocketNetwork,
  server: ConnectionServer,
  options: ListenOptions,
): Promise<Server> {
  // What net.Server would do: servers of HTTP want half-open connections, those of TLS do not.
  const { allowHalfOpen = false, noDelay = false, pauseOnConnect = false } = server;
  const wanted = { allowHalfOpen, noDelay, pauseOnConnect };
  const listener = new Server(network, wanted, (socket) => {
    server.emit('connection', socket);
    // TLS has taken over the choice. It ends the socket itself, after the last of its messages.
    socket.allowHalfOpen = true;
  });
  // It rejects at 'error'.
  const listening = once(listener, 'listening');
  listener.listen(options);
  await listening;
  server.emit('listening');
  return listener;
}
