import { afterEach, describe, expect, test } from 'vitest';
import { closed, readAll, unusedPort, until } from './loopback.ts';
import { ProxyFixture } from './proxy-fixture.ts';

const fixture = new ProxyFixture();

afterEach(() => fixture.close());

describe('startPort', () => {
  test.each(['forward', 'expose'] as const)(
    '%s passes a connection on, with the end of each direction',
    async (type) => {
      const echo = await fixture.echo();
      const target = { host: '127.0.0.1', port: echo.port };
      const { port, proxy } = await fixture.port({ type, protocol: 'tcp', target });
      const socket = await fixture.connect(port);
      socket.end('through');
      expect(String(await readAll(socket))).toBe('through');
      await until(() => proxy.counts.of(type).open === 0);
      expect(proxy.counts.of(type)).toMatchObject({ opened: 1, bytesForth: 7, bytesBack: 7 });
    },
  );

  test('forward resolves a name inside the tunnel, for each connection', async () => {
    const echo = await fixture.echo();
    const target = { host: 'inside.test', port: echo.port };
    const { port } = await fixture.port({ type: 'forward', protocol: 'tcp', target });
    const before = fixture.network.lookups;
    for (const text of ['one', 'two']) {
      const socket = await fixture.connect(port);
      socket.end(text);
      expect(String(await readAll(socket))).toBe(text);
    }
    expect(fixture.network.lookups - before).toBe(2);
  });

  test('closes the connection if the target is not reached, and counts and logs the failure', async () => {
    const target = { host: '127.0.0.1', port: await unusedPort() };
    const { port, proxy } = await fixture.port({ type: 'forward', protocol: 'tcp', target });
    const socket = await fixture.connect(port);
    await closed(socket);
    expect([...proxy.counts.of('forward').failed]).toEqual([['ECONNREFUSED', 1]]);
    expect(fixture.log.at(-1)).toContain(`127.0.0.1:${target.port} was not reached: ECONNREFUSED`);
  });

  test('has a description that names the port and its target', async () => {
    const target = { host: 'fd00::2', port: 80 };
    const { proxy } = await fixture.port({ type: 'forward', protocol: 'tcp', target });
    expect(proxy.descriptions[0]).toMatch(
      /^TCP port 127\.0\.0\.1:\d+ leads to \[fd00::2\]:80 in the tunnel$/,
    );
  });

  test('rejects with an error that names the flag if the port is taken', async () => {
    const taken = await fixture.echo();
    const listen = { host: '127.0.0.1', port: taken.port };
    const target = { host: '127.0.0.1', port: 1 };
    const origin = '--forward 1=127.0.0.1:1';
    const service = { type: 'forward', protocol: 'tcp', listen, target, origin } as const;
    await expect(fixture.start([service])).rejects.toThrow(
      `--forward 1=127.0.0.1:1: cannot listen on 127.0.0.1:${taken.port}: another program has this port (EADDRINUSE)`,
    );
  });
});
