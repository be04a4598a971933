import { once } from 'node:events';
import { createServer } from 'node:http';
import { request } from 'undici';
import { test, expect } from 'vitest';
import { twoNetworks } from './two-networks.ts';

test('http', async () => {
  await using n = await twoNetworks();
  const http = createServer((req, res) => {
    let b = 0;
    req
      .on('data', (d) => (b += d.length))
      .on('end', () => res.end(`${req.method} ${req.url} ${b} ${req.socket.remoteAddress}`));
  });
  await n.b.serve(http, { port: 80 });
  const r = await n.a.fetch('http://10.0.0.2/hello');
  console.log(r.status, await r.text());
  const r2 = await n.a.fetch('http://[fd00::2]/hello', {
    method: 'POST',
    body: Buffer.alloc(10e6),
  });
  console.log(r2.status, await r2.text());
  const f = new FormData();
  f.append('x', 'y');
  const r3 = await n.a.fetch(new Request('http://10.0.0.2/hello', { method: 'PUT', body: f }));
  console.log(r3.status, await r3.text());
  const r4 = await n.a.fetch('http://10.0.0.2/hello', { method: 'PUT', body: f });
  console.log(r4.status, await r4.text());
  const { get } = await import('node:http');
  const res: any = (await once(get('http://10.0.0.2/agent', { agent: n.a.agent }), 'response'))[0];
  console.log(res.statusCode, Buffer.concat(await res.toArray()).toString());
  await n.a
    .fetch('http://10.0.0.2:81/')
    .catch((e) => console.log(e.message, e.cause.message, e.cause.code));
  http.closeAllConnections();
  console.log('closing');
});
