import { once } from 'node:events';
import { createHash, randomBytes } from 'node:crypto';
import { test, expect } from 'vitest';
import { twoNetworks } from './two-networks.ts';

test('echo over devices', async () => {
  await using n = await twoNetworks();
  const server = n.b.createServer((s) => s.pipe(s)).listen(80);
  await once(server, 'listening');
  console.log(server.address());
  const socket = n.a.connect(80, '10.0.0.2');
  await once(socket, 'connect');
  const data = randomBytes(50_000_000);
  const hash = createHash('sha256');
  let bytes = 0;
  socket.on('data', (d) => {
    bytes += d.length;
    hash.update(d);
  });
  const t = performance.now();
  socket.end(data);
  await once(socket, 'close');
  console.log(bytes, performance.now() - t);
  expect(bytes).toBe(data.length);
  expect(hash.digest('hex')).toBe(createHash('sha256').update(data).digest('hex'));
  server.close();
  await once(server, 'close');
  console.log(await n.a.lookup('localhost', { all: true }));
  const s2 = n.a.connect(81, 'fd00::2');
  console.log((await once(s2, 'error'))[0].message);
  const s3 = n.a.connect(81, '10.0.9.2');
  console.log((await once(s3, 'error'))[0].message);
});
