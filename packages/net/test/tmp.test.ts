import { once } from 'node:events';
import { test, expect } from 'vitest';
import { twoNetworks } from './two-networks.ts';

test('udp and ping', async () => {
  await using n = await twoNetworks();
  const server = n.b
    .createSocket('udp4', (m, r) => {
      server.send(m, r.port, r.address);
    })
    .bind(53);
  await once(server, 'listening');
  console.log(server.address());
  const s = n.a.createSocket('udp4');
  s.send('hello', 53, '10.0.0.2');
  console.log(await once(s, 'message'));
  console.log(await n.a.ping('10.0.0.2'), await n.a.ping('fd00::2'));
  await n.a.ping('10.0.0.9').catch((e) => console.log(e.message));
  s.close();
});
