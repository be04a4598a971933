import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { bindUdp, until } from './loopback.ts';
import { ProxyFixture } from './proxy-fixture.ts';

const fixture = new ProxyFixture();

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));

afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  await fixture.close();
});

describe('startDatagramPort', () => {
  test.each(['forward', 'expose'] as const)(
    'gives each client its own answers: --%s',
    async (type) => {
      const echo = await echoing();
      const target = { host: '127.0.0.1', port: echo.address().port };
      const { port, proxy } = await fixture.port({ type, protocol: 'udp', target });
      const [one, two] = [fixture.add(await bindUdp()), fixture.add(await bindUdp())];
      one.send('one', port);
      expect(String(((await once(one, 'message')) as [Buffer])[0])).toBe('one');
      two.send('two', port);
      expect(String(((await once(two, 'message')) as [Buffer])[0])).toBe('two');
      one.send('three', port);
      expect(String(((await once(one, 'message')) as [Buffer])[0])).toBe('three');
      expect(proxy.counts.of(type)).toMatchObject({ open: 2, opened: 2, datagrams: 6 });
    },
  );

  test('resolves a name, and drops datagrams to a name that does not exist', async () => {
    const echo = await echoing();
    const target = { host: 'inside.test', port: echo.address().port };
    const { port } = await fixture.port({ type: 'forward', protocol: 'udp', target });
    const client = fixture.add(await bindUdp());
    client.send('x', port);
    await once(client, 'message');
    const none = { host: 'none.test', port: 1 };
    const other = await fixture.port({ type: 'forward', protocol: 'udp', target: none });
    client.send('x', other.port);
    const counts = other.proxy.counts.of('forward');
    await until(() => counts.datagramsDropped === 1);
    expect(counts.datagrams).toBe(0);
  });

  test('forgets a client that is silent, after the time that the user gave', async () => {
    const echo = await echoing();
    const target = { host: '127.0.0.1', port: echo.address().port };
    const { port, proxy } = await fixture.port({
      type: 'forward',
      protocol: 'udp',
      target,
      idleMs: 1000,
    });
    const client = fixture.add(await bindUdp());
    client.send('x', port);
    await once(client, 'message');
    vi.advanceTimersByTime(999);
    expect(proxy.counts.of('forward').open).toBe(1);
    vi.advanceTimersByTime(1);
    expect(proxy.counts.of('forward').open).toBe(0);
    client.send('again', port);
    await once(client, 'message');
  });

  test('passes no datagrams on that come from another port than the port of the target', async () => {
    const target = fixture.add(await bindUdp());
    const { port } = await fixture.port({
      type: 'forward',
      protocol: 'udp',
      target: { host: '127.0.0.1', port: target.address().port },
    });
    const client = fixture.add(await bindUdp());
    client.send('x', port);
    const [, source] = (await once(target, 'message')) as [Buffer, { port: number }];
    const stranger = fixture.add(await bindUdp());
    stranger.send('stranger', source.port);
    target.send('target', source.port);
    expect(String(((await once(client, 'message')) as [Buffer])[0])).toBe('target');
  });

  test('passes no datagrams on that come from another address than the address of the target', async () => {
    const target = fixture.add(await bindUdp());
    const { port: targetPort } = target.address();
    const { port } = await fixture.port({
      type: 'forward',
      protocol: 'udp',
      target: { host: '127.0.0.1', port: targetPort },
    });
    const client = fixture.add(await bindUdp());
    client.send('x', port);
    const [, source] = (await once(target, 'message')) as [Buffer, { port: number }];
    const stranger = fixture.add(createSocket('udp4'));
    stranger.bind(targetPort, '127.0.0.2');
    await once(stranger, 'listening');
    stranger.send('stranger', source.port, '127.0.0.1');
    target.send('target', source.port);
    expect(String(((await once(client, 'message')) as [Buffer])[0])).toBe('target');
  });

  test('drops datagrams from port 0, to which no answer can be sent', async () => {
    const echo = await echoing();
    const opened: UdpSocket[] = [];
    vi.spyOn(fixture.network, 'createSocket').mockImplementation((type) => {
      opened.push(createSocket(type));
      return opened.at(-1)!;
    });
    const target = { host: '127.0.0.1', port: echo.address().port };
    const { proxy } = await fixture.port({ type: 'expose', protocol: 'udp', target });
    const source = { address: '127.0.0.1', family: 'IPv4', port: 0, size: 1 } as const;
    opened[0].emit('message', Buffer.from('x'), source);
    expect(proxy.counts.of('expose')).toMatchObject({ open: 0, datagramsDropped: 1 });
  });

  test('opens no socket for a name whose look-up ends after the proxy was closed', async () => {
    const found: (() => void)[] = [];
    vi.spyOn(fixture.network, 'lookup').mockImplementation((_name, _options, callback) => {
      found.push(() => callback(null, '127.0.0.1', 4));
    });
    const target = { host: 'inside.test', port: 1 };
    const { port, proxy } = await fixture.port({ type: 'forward', protocol: 'udp', target });
    const client = fixture.add(await bindUdp());
    client.send('x', port);
    await until(() => found.length === 1);
    await proxy.close();
    found[0]();
    expect(proxy.counts.of('forward')).toMatchObject({ open: 0, opened: 0 });
  });

  test('rejects with an error that names the flag if the port is taken', async () => {
    const taken = fixture.add(await bindUdp());
    const listen = { host: '127.0.0.1', port: taken.address().port };
    const target = { host: '127.0.0.1', port: 1 };
    const origin = '--forward x/udp';
    const service = { type: 'forward', protocol: 'udp', listen, target, origin } as const;
    await expect(fixture.start([service])).rejects.toThrow(
      /^--forward x\/udp: cannot listen on .*EADDRINUSE/,
    );
  });
});

async function echoing(): Promise<UdpSocket> {
  const socket = fixture.add(await bindUdp());
  socket.on('message', (data, { port, address }) => socket.send(data, port, address));
  return socket;
}
