/**
 * `limitConnections`: limits the number of connections of a server. If there are too many, the
 * oldest idle connection is closed. If only the new connection is idle, the oldest busy connection
 * is closed. New connections are not refused, because then a client that opens many connections and
 * sends nothing could block the server.
 *
 * @module
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Limits the connections of a server.
 *
 * @param most how many connections may be open at the same time
 */
export function limitConnections(server: Server, most: number): void {
  /**
   * `idle` has the connections without a request. `busy` has the connections with a request that is
   * being answered. Each set keeps its connections in the order in which they were added.
   */
  const idle = new Set<Socket>();
  const busy = new Set<Socket>();
  server.on('connection', (socket) => {
    idle.add(socket);
    socket.once('close', () => {
      idle.delete(socket);
      busy.delete(socket);
    });
    if (idle.size + busy.size <= most) return;
    const [oldest] = idle.size > 1 ? idle : busy;
    (oldest ?? socket).destroy();
  });
  server.on('request', ({ socket }, response) => {
    idle.delete(socket);
    busy.add(socket);
    response.once('close', () => {
      busy.delete(socket);
      if (!socket.destroyed) idle.add(socket);
    });
  });
}
