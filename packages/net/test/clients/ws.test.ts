import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { twoNetworks, type TwoNetworks } from '../two-networks.ts';

let networks: TwoNetworks;
let port: number;

beforeAll(async () => {
  networks = await twoNetworks();
  const http = createServer();
  const sockets = new WebSocketServer({ server: http });
  sockets.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  port = (await networks.b.serve(http, { port: 0 })).address()!.port;
});
afterAll(async () => {
  await networks[Symbol.asyncDispose]();
});

describe('ws over a network', () => {
  test('sends messages both ways, also long ones', async () => {
    const socket = new WebSocket(`ws://10.0.0.2:${port}/`, { agent: networks.a.agent });
    await once(socket, 'open');
    for (const size of [0, 1, 125, 126, 65_535, 65_536, 3_000_000]) {
      const message = randomBytes(size);
      socket.send(message);
      const [answer] = (await once(socket, 'message')) as [Buffer];
      expect(answer.equals(message)).toBe(true);
    }
    socket.close(1000, 'enough');
    const [code, reason] = (await once(socket, 'close')) as [number, Buffer];
    expect([code, String(reason)]).toEqual([1000, 'enough']);
  });

  test('gets an answer to a ping', async () => {
    const socket = new WebSocket(`ws://[fd00::2]:${port}/`, { agent: networks.a.agent });
    await once(socket, 'open');
    socket.ping('here');
    const [data] = (await once(socket, 'pong')) as [Buffer];
    expect(String(data)).toBe('here');
    socket.terminate();
    await once(socket, 'close');
  });

  test('gets an error if nobody listens', async () => {
    const socket = new WebSocket('ws://10.0.0.2:81/', { agent: networks.a.agent });
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
  });
});
