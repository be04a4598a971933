import { once } from 'node:events';
import { createHash, randomBytes } from 'node:crypto';
import { test, expect } from 'vitest';
import { Socket } from '../../src/tcp/socket.ts';
import { Server } from '../../src/tcp/server.ts';
import { linkedHosts } from '../linked-hosts.ts';

test('echo', async () => {
  const [a, b] = linkedHosts();
  const server = new Server(b, {}, (s) => s.pipe(s));
  server.listen(80);
  await once(server, 'listening');
  console.log(server.address());
  const socket = new Socket(a).connect(80, '10.0.0.2');
  await once(socket, 'connect');
  const data = randomBytes(20_000_000);
  const hash = createHash('sha256');
  let n = 0;
  socket.on('data', (d) => {
    n += d.length;
    hash.update(d);
  });
  const t = performance.now();
  socket.end(data);
  await once(socket, 'close');
  console.log(n, performance.now() - t);
  expect(n).toBe(data.length);
  expect(hash.digest('hex')).toBe(createHash('sha256').update(data).digest('hex'));
  server.close();
  await once(server, 'close');
});
test('refused', async () => {
  const [a, b] = linkedHosts();
  const socket = new Socket(a).connect(81, '10.0.0.2');
  const [error] = await once(socket, 'error');
  console.log(error, socket.readyState);
});
