/**
 * The server of `bench sockets`, with the sockets of the kernel. Each port of `PORTS` has one
 * service: a stream in the direction that the first byte asks for; HTTP with answers of 1 KB;
 * connections that stay open until the client ends them; and the number of bytes that have arrived
 * in streams, with the time in seconds.
 *
 * @module
 */
import { createServer as createWebServer } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { PORTS } from './client-settings.ts';

const [, , address = '127.0.0.1'] = process.argv;
const body = Buffer.alloc(1024, 'x');
const chunk = Buffer.alloc(1 << 18);
let arrived = 0;

function serveStream(socket: Socket): void {
  socket.on('error', () => {});
  socket.once('data', (first: Buffer) => {
    if (first[0] === 0x64) {
      const send = (): void => {
        while (socket.write(chunk));
      };
      socket.on('drain', send);
      send();
    } else {
      arrived += first.length - 1;
      socket.on('data', (bytes: Buffer) => (arrived += bytes.length));
    }
  });
}

function listen(server: Server, port: number): Promise<void> {
  const backlog = 4096;
  return new Promise((resolve) => server.listen({ port, host: address, backlog }, resolve));
}

await Promise.all([
  listen(createServer(serveStream), PORTS.stream),
  listen(
    createWebServer((_request, response) => response.end(body)),
    PORTS.web,
  ),
  listen(
    createServer((socket) => socket.on('error', () => {}).resume()),
    PORTS.hold,
  ),
  listen(
    createServer((socket) => {
      socket.on('error', () => {}).end(`${arrived} ${performance.now() / 1000}`);
    }),
    PORTS.count,
  ),
]);
process.stdout.write('ready\n');
