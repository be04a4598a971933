/**
 * `boundConnections`: how many connections a server has at once. Whoever holds many and asks nothing loses
 * the oldest of them, and keeps nobody else out: a server that just took no more could be shut by anybody
 * who reaches its port.
 *
 * @module
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

export function boundConnections(server: Server, most: number): void {
  /** Those that ask nothing now, and those that are being answered; the oldest first. */
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
