import { once } from 'node:events';
import { seededRandom } from '@litz/testkit';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Credentials } from '../../src/proxy/credentials.ts';
import { readProxyFlags } from '../../src/proxy/proxy-flags.ts';
import { openServices } from '../../src/proxy/tunnel-proxy.ts';
import { closed, nextTurn, readAll, unusedPort, until } from './loopback.ts';
import { portsOf, ProxyFixture } from './proxy-fixture.ts';

const fixture = new ProxyFixture();

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));

afterEach(async () => {
  vi.useRealTimers();
  await fixture.close();
});

describe('TunnelProxy', () => {
  test('counts garbage on its ports for SOCKS5 and HTTP, while its other connections go on', async () => {
    const random = seededRandom(1928);
    const echo = await fixture.echo();
    const credentials = new Credentials('ada', 'word');
    const listen = { host: '127.0.0.1', port: 0 };
    const target = { host: '127.0.0.1', port: echo.port };
    const proxy = await fixture.start([
      { type: 'socks5', listen, credentials: undefined, origin: 'a' },
      { type: 'socks5', listen, credentials, origin: 'b' },
      { type: 'http', listen, credentials: undefined, origin: 'c' },
      { type: 'http', listen, credentials, origin: 'd' },
      { type: 'forward', protocol: 'tcp', listen, target, origin: 'e' },
    ]);
    const ports = portsOf(proxy);
    const bystander = await fixture.connect(ports[4]);
    const own = await fixture.connect(ports[0]);
    own.write(Uint8Array.of(5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, echo.port >> 8, echo.port & 0xff));
    await once(own, 'data');
    for (let round = 0; round < 60; round++) {
      const clients = await Promise.all(
        ports.slice(0, 4).map(async (port) => {
          const socket = await fixture.connect(port);
          for (const part of garbage(random)) {
            socket.write(part);
            if (random() < 0.3) await nextTurn();
          }
          const end = random();
          if (end < 0.5) socket.end();
          else if (end < 0.75) socket.resetAndDestroy();
          return socket;
        }),
      );
      bystander.write(`round ${round}`);
      expect(String(((await once(bystander, 'data')) as [Buffer])[0])).toBe(`round ${round}`);
      for (const socket of clients) socket.destroy();
    }
    own.end('still there');
    expect(String(await readAll(own))).toContain('still there');
    const [socks5, http] = [proxy.counts.of('socks5'), proxy.counts.of('http')];
    expect(socks5.refused.get('garbage')).toBeGreaterThan(20);
    expect(http.refused.get('garbage')).toBeGreaterThan(20);
    bystander.destroy();
    await until(() => [socks5, http, proxy.counts.of('forward')].every(({ open }) => open === 0));
  });

  test('limits the number of connections of all services together', async () => {
    const echo = await fixture.echo();
    const target = { host: '127.0.0.1', port: echo.port };
    const listen = { host: '127.0.0.1', port: 0 };
    const proxy = await fixture.start(
      [
        { type: 'forward', protocol: 'tcp', listen, target, origin: 'a' },
        { type: 'socks5', listen, credentials: undefined, origin: 'b' },
      ],
      { maxConnections: 1 },
    );
    const [forward, socks5] = portsOf(proxy);
    const first = await fixture.connect(forward);
    first.write('x');
    await once(first, 'data');
    const second = await fixture.connect(socks5);
    expect(await readAll(second)).toHaveLength(0);
    expect([...proxy.counts.of('socks5').refused]).toEqual([['too-many', 1]]);
    first.destroy();
  });

  test('closes its ports and connections', async () => {
    const echo = await fixture.echo();
    const target = { host: '127.0.0.1', port: echo.port };
    const { proxy, port } = await fixture.port({ type: 'forward', protocol: 'tcp', target });
    const socket = await fixture.connect(port);
    socket.write('x');
    await once(socket, 'data');
    const tunnelSide = closed(echo.sockets[0]);
    await proxy.close();
    await readAll(socket);
    await tunnelSide;
    await expect(fixture.connect(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('closes the services that were started if a later service cannot listen', async () => {
    const taken = await fixture.echo();
    const free = await unusedPort();
    const proxy = { type: 'socks5', credentials: undefined } as const;
    const started = fixture.start([
      { ...proxy, listen: { host: '127.0.0.1', port: free }, origin: 'a' },
      { ...proxy, listen: { host: '127.0.0.1', port: taken.port }, origin: '--socks5 b' },
    ]);
    await expect(started).rejects.toThrow('--socks5 b: cannot listen on');
    await expect(fixture.connect(free)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

describe('openServices', () => {
  test('warns about ports that others can use without a password', () => {
    const flags = {
      socks5: [':1', '127.0.0.1:2'],
      http: ['0.0.0.0:3'],
      httpUser: 'ada',
      forward: ['[::]:4=a:1', '5=a:1'],
      expose: ['6=7'],
      stdio: ['a:1'],
      maxConnections: 1,
    };
    const env = { LITZ_HTTP_PASSWORD: 'word' };
    const { services } = readProxyFlags(flags, { env, warn: () => {} });
    expect(openServices(services)).toEqual([
      expect.stringMatching(
        /^WARNING: \*:1 is open to everyone .* set a password .*\(--socks5 :1\)$/,
      ),
      expect.stringMatching(/^WARNING: \[::\]:4 is open to everyone .*\(--forward \[::\]:4=a:1\)$/),
    ]);
  });
});

/** Returns parts of requests in a wrong order, random bytes, and requests that are cut off. */
function garbage(random: () => number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  const count = 1 + Math.floor(random() * 4);
  for (let i = 0; i < count; i++) {
    const known = KNOWN[Math.floor(random() * KNOWN.length)];
    const length = Math.floor(random() * 40);
    const bytes = random() < 0.5 ? Buffer.from(known, 'latin1') : new Uint8Array(length);
    if (random() < 0.6)
      for (let at = 0; at < bytes.length; at++) {
        if (random() < 0.2) bytes[at] = Math.floor(random() * 256);
      }
    parts.push(bytes.subarray(0, random() < 0.3 ? Math.floor(random() * bytes.length) : undefined));
  }
  return parts;
}

const KNOWN = [
  '\x05\x01\x00',
  '\x05\x02\x00\x02',
  '\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x01',
  '\x05\x03\x00\x01\x00\x00\x00\x00\x00\x00',
  '\x05\x01\x00\x03\xff',
  '\x01\x03ada\x04word',
  '\x04\x01\x00\x50\x7f\x00\x00\x01\x00',
  'GET http://none.test/ HTTP/1.1\r\nHost: x\r\n\r\n',
  'POST http://none.test/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
  'CONNECT none.test:1 HTTP/1.1\r\n\r\n',
  'CONNECT \xff HTTP/9.9\r\n',
  '\x16\x03\x01\x02\x00\x01',
];
