/**
 * `limitConnections`: limits the number of connections of a server. If there are too many, the
 * oldest idle one is closed. A server that refused new connections instead could be blocked by any
 * client that opens many and sends nothing.
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
   * Connections without a request, and connections with a request that is being answered; the
   * oldest first.
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
