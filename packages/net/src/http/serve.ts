/**
 * `serve`: lets a server of Node.js accept the connections of a network. The server can be one of
 * node:http, node:https, node:http2 or node:tls.
 *
 * @module
 */
import { once, type EventEmitter } from 'node:events';
import type { SocketNetwork } from '../tcp/socket.ts';
import { Server, type ServerOptions } from '../tcp/server.ts';
import type { ListenOptions } from '../tcp/listen-options.ts';

/**
 * A server that takes the socket of each 'connection' event as a new connection. The servers of
 * node:http, node:https, node:http2 and node:tls do this.
 */
export type ConnectionServer = EventEmitter & ServerOptions;

/**
 * Listens in the network, and resolves as soon as connections are accepted. For each connection,
 * `server` gets a 'connection' event. The server also gets a 'listening' event, because a server of
 * node:http begins to watch its time limits at this event.
 *
 * @returns the listener. After its `close`, no more connections are accepted; `server` itself does
 *   not listen.
 * @throws {Error} (rejects) `EADDRINUSE`, `EADDRNOTAVAIL`
 */
export async function serve(
  network: SocketNetwork,
  server: ConnectionServer,
  options: ListenOptions,
): Promise<Server> {
  // These are properties of net.Server, which all these servers extend. HTTP servers want half-open
  // connections, and TLS servers do not.
  const { allowHalfOpen = false, noDelay = false, pauseOnConnect = false } = server;
  const wanted = { allowHalfOpen, noDelay, pauseOnConnect };
  const listener = new Server(network, wanted, (socket) => {
    server.emit('connection', socket);
    // A TLS server has already made a TLS socket, which has copied `allowHalfOpen` from `socket`.
    // The TLS socket ends `socket` after it has written its last bytes. If `socket` could not be
    // half-open, `socket` would end as soon as the client ends its side. The last bytes of the TLS
    // socket might then be lost.
    socket.allowHalfOpen = true;
  });
  // `once` rejects at an 'error' event.
  const listening = once(listener, 'listening');
  listener.listen(options);
  await listening;
  server.emit('listening');
  return listener;
}
