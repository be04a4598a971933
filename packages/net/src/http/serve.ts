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

/** A server of Node.js that accepts 'connection' events, as all its stream servers do. */
export type ConnectionServer = EventEmitter & ServerOptions;

/**
 * Listens, and resolves as soon as connections are accepted. Each connection is a 'connection'
 * event of `server`. The server also gets a 'listening' event, because node:http then begins to
 * watch its time limits.
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
  // These are properties of net.Server, which all these servers extend. Servers of HTTP want
  // half-open connections, servers of TLS do not.
  const { allowHalfOpen = false, noDelay = false, pauseOnConnect = false } = server;
  const wanted = { allowHalfOpen, noDelay, pauseOnConnect };
  const listener = new Server(network, wanted, (socket) => {
    server.emit('connection', socket);
    // A TLS server has copied `allowHalfOpen` by now. Its TLS socket ends `socket` itself, after
    // its last bytes. If `socket` could not be half-open, it would end as soon as the client ends,
    // maybe before those bytes.
    socket.allowHalfOpen = true;
  });
  // `once` rejects at an 'error' event.
  const listening = once(listener, 'listening');
  listener.listen(options);
  await listening;
  server.emit('listening');
  return listener;
}
