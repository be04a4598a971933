import { Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { readExactly } from '../../src/proxy/read-exactly.ts';
import { formatDatagram, parseDatagram } from '../../src/proxy/socks-message.ts';
import type { TunnelProxy } from '../../src/proxy/tunnel-proxy.ts';
import { bindUdp, readAll, until } from './loopback.ts';
import { ProxyFixture } from './proxy-fixture.ts';

const fixture = new ProxyFixture();

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));

afterEach(async () => {
  vi.useRealTimers();
  await fixture.close();
});

describe('UdpAssociation', () => {
  test('passes datagrams to an address and back, with their source', async () => {
    const { proxy, client, relay } = await associated();
    const target = await echo();
    client.send(
      formatDatagram({ host: '127.0.0.1', port: target.address().port }, bytes('one')),
      relay,
    );
    const [answer] = (await once(client, 'message')) as [Buffer];
    const { data, target: source } = parseDatagram(answer)!;
    expect(String(data)).toBe('one');
    expect(source).toEqual({ host: '127.0.0.1', port: target.address().port });
    expect(proxy.counts.of('socks5')).toMatchObject({ datagrams: 2, bytesForth: 3, bytesBack: 3 });
  });

  test('resolves a name once, inside the tunnel', async () => {
    const { client, relay } = await associated();
    const target = await echo();
    fixture.network.lookups = 0;
    for (const text of ['one', 'two']) {
      client.send(named('inside.test', target.address().port, text), relay);
      const [answer] = (await once(client, 'message')) as [Buffer];
      expect(String(parseDatagram(answer)!.data)).toBe(text);
    }
    expect(fixture.network.lookups).toBe(1);
  });

  test('drops invalid datagrams, and datagrams to a name that does not exist', async () => {
    const { proxy, client, relay } = await associated();
    client.send(bytes('garbage'), relay);
    client.send(named('none', 1, 'x'), relay);
    await until(() => proxy.counts.of('socks5').datagramsDropped === 2);
    expect(proxy.counts.of('socks5').datagrams).toBe(0);
  });

  test('belongs to one client: after its first datagram, datagrams from other ports are dropped', async () => {
    const { proxy, client, relay } = await associated();
    const target = await echo();
    const datagram = formatDatagram({ host: '127.0.0.1', port: target.address().port }, bytes('x'));
    client.send(datagram, relay);
    await once(client, 'message');
    const stranger = fixture.add(await bindUdp());
    stranger.send(datagram, relay);
    await until(() => proxy.counts.of('socks5').datagramsDropped === 1);
    expect(proxy.counts.of('socks5').datagrams).toBe(2);
  });

  test('drops datagrams from port 0, to which no answer can be sent', async () => {
    const bind = vi.spyOn(UdpSocket.prototype, 'bind');
    const { proxy } = await associated();
    const [relay] = bind.mock.contexts as [UdpSocket];
    bind.mockRestore();
    const datagram = formatDatagram({ host: '127.0.0.1', port: 9 }, bytes('x'));
    relay.emit('message', datagram, { address: '127.0.0.1', family: 'IPv4', port: 0, size: 11 });
    expect(proxy.counts.of('socks5')).toMatchObject({ datagrams: 0, datagramsDropped: 1 });
  });

  test('belongs to the port that the client has named', async () => {
    const client = fixture.add(await bindUdp());
    const { proxy, relay } = await associated(client.address().port);
    const target = await echo();
    const datagram = formatDatagram({ host: '127.0.0.1', port: target.address().port }, bytes('x'));
    const stranger = fixture.add(await bindUdp());
    stranger.send(datagram, relay);
    await until(() => proxy.counts.of('socks5').datagramsDropped === 1);
    client.send(datagram, relay);
    await once(client, 'message');
    expect(proxy.counts.of('socks5').datagrams).toBe(2);
  });

  test('ends when its TCP connection ends', async () => {
    const { proxy, control } = await associated();
    expect(proxy.counts.of('socks5').open).toBe(1);
    control.end();
    await readAll(control);
    await until(() => proxy.counts.of('socks5').open === 0);
  });

  test('ends after five minutes without a datagram, and closes its TCP connection', async () => {
    const { proxy, control, client, relay } = await associated();
    const target = await echo();
    vi.advanceTimersByTime(299_999);
    client.send(
      formatDatagram({ host: '127.0.0.1', port: target.address().port }, bytes('x')),
      relay,
    );
    await once(client, 'message');
    vi.advanceTimersByTime(299_999);
    expect(proxy.counts.of('socks5').open).toBe(1);
    vi.advanceTimersByTime(1);
    expect(proxy.counts.of('socks5').open).toBe(0);
    await readAll(control);
  });
});

/** Returns a client with an association. `relay` is the port to which it sends. */
async function associated(
  expectedPort = 0,
): Promise<{ proxy: TunnelProxy; control: Socket; client: UdpSocket; relay: number }> {
  const { proxy, port } = await fixture.proxy('socks5');
  const control = await fixture.connect(port);
  const ports = [expectedPort >> 8, expectedPort & 0xff];
  control.write(Uint8Array.of(5, 1, 0, 5, 3, 0, 1, 0, 0, 0, 0, ...ports));
  const reply = await readExactly(control, 12);
  expect([...reply.subarray(0, 10)]).toEqual([5, 0, 5, 0, 0, 1, 127, 0, 0, 1]);
  const client = fixture.add(await bindUdp());
  return { proxy, control, client, relay: reply.readUInt16BE(10) };
}

async function echo(): Promise<UdpSocket> {
  const socket = fixture.add(await bindUdp());
  socket.on('message', (data, { port, address }) => socket.send(data, port, address));
  return socket;
}

function named(name: string, port: number, text: string): Buffer {
  const header = [0, 0, 0, 3, name.length, ...Buffer.from(name), port >> 8, port & 0xff];
  return Buffer.concat([Uint8Array.from(header), bytes(text)]);
}

function bytes(text: string): Buffer {
  return Buffer.from(text);
}
