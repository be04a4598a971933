import { afterEach, describe, expect, test, vi } from 'vitest';
import { readExactly } from '../../src/proxy/read-exactly.ts';
import { closed, readAll, unusedPort, until } from './loopback.ts';
import { LOGIN, ProxyFixture } from './proxy-fixture.ts';

const fixture = new ProxyFixture();

afterEach(async () => {
  vi.useRealTimers();
  await fixture.close();
});

describe('CONNECT', () => {
  test.each<[what: string, address: number[]]>([
    ['an IPv4 address', [1, 127, 0, 0, 1]],
    ['a name', [3, 11, ...Buffer.from('inside.test')]],
    ['an IPv4 address as a name', [3, 9, ...Buffer.from('127.0.0.1')]],
  ])('reaches %s', async (_, address) => {
    const { port, proxy } = await fixture.proxy('socks5');
    const target = await fixture.echo();
    const socket = await fixture.connect(port);
    socket.write(Uint8Array.of(5, 1, 0));
    expect([...(await readExactly(socket, 2))]).toEqual([5, 0]);
    socket.write(Uint8Array.of(5, 1, 0, ...address, ...portBytes(target.port)));
    const reply = await readExactly(socket, 10);
    expect([...reply.subarray(0, 8)]).toEqual([5, 0, 0, 1, 127, 0, 0, 1]);
    expect(reply.readUInt16BE(8)).toBe(target.sockets[0].remotePort);
    socket.end('through the tunnel');
    expect(String(await readAll(socket))).toBe('through the tunnel');
    await until(() => proxy.counts.of('socks5').open === 0);
  });

  test('reaches an IPv6 address, and replies with an IPv6 address', async () => {
    const { port } = await fixture.proxy('socks5');
    const target = await fixture.echo('::1');
    const socket = await fixture.connect(port);
    const address = [4, ...Buffer.alloc(15), 1];
    socket.write(Uint8Array.of(5, 1, 0, 5, 1, 0, ...address, ...portBytes(target.port)));
    await readExactly(socket, 2);
    expect([...(await readExactly(socket, 20))].slice(0, 4)).toEqual([5, 0, 0, 4]);
    await readExactly(socket, 2);
    socket.end('x');
    expect(String(await readAll(socket))).toBe('x');
  });

  test('accepts a request that comes in single bytes, and data that follows the request at once', async () => {
    const { port } = await fixture.proxy('socks5');
    const target = await fixture.echo();
    const socket = await fixture.connect(port);
    socket.setNoDelay(true);
    for (const byte of [5, 2, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, ...portBytes(target.port)]) {
      await new Promise((resolve) => socket.write(Uint8Array.of(byte), resolve));
    }
    socket.end('early');
    expect(String((await readAll(socket)).subarray(12))).toBe('early');
  });

  test.each<[what: string, address: number[], reply: number]>([
    ['a port on which nothing listens', [1, 127, 0, 0, 1], 5],
    ['a name that does not exist', [3, 4, ...Buffer.from('none')], 4],
  ])('to %s is answered with the reply code for this error', async (_, address, reply) => {
    const { port, proxy } = await fixture.proxy('socks5');
    const socket = await fixture.connect(port);
    const request = [5, 1, 0, 5, 1, 0, ...address, ...portBytes(await unusedPort())];
    socket.write(Uint8Array.from(request));
    expect([...(await readAll(socket)).subarray(2)]).toEqual([5, reply, 0, 1, 0, 0, 0, 0, 0, 0]);
    expect(proxy.counts.of('socks5').failed.size).toBe(1);
    expect(fixture.log.at(-1)).toMatch(/^--socks5 0: a target was not reached: E[A-Z]+$/);
  });

  test('ends its connection inside the tunnel if the client goes away', async () => {
    const { port } = await fixture.proxy('socks5');
    const target = await fixture.server(() => {});
    const socket = await fixture.connect(port);
    const address = [1, 127, 0, 0, 1, ...portBytes(target.port)];
    socket.write(Uint8Array.of(5, 1, 0, 5, 1, 0, ...address));
    await readExactly(socket, 12);
    const lost = closed(target.sockets[0]);
    socket.resetAndDestroy();
    await lost;
    expect(target.sockets).toHaveLength(1);
  });
});

describe('a password', () => {
  test('is required, and the right password is accepted', async () => {
    const { port } = await fixture.proxy('socks5', { login: true });
    const target = await fixture.echo();
    const socket = await fixture.connect(port);
    socket.write(Uint8Array.of(5, 2, 0, 2));
    expect([...(await readExactly(socket, 2))]).toEqual([5, 2]);
    socket.write(login(LOGIN.name, LOGIN.password));
    expect([...(await readExactly(socket, 2))]).toEqual([1, 0]);
    socket.write(Uint8Array.of(5, 1, 0, 1, 127, 0, 0, 1, ...portBytes(target.port)));
    expect([...(await readExactly(socket, 10))].slice(0, 2)).toEqual([5, 0]);
  });

  test.each([
    ['wrong', LOGIN.name],
    [LOGIN.password, 'eve'],
    ['', ''],
  ])('%j with the name %j is refused, and the connection is closed', async (password, name) => {
    const { port, proxy } = await fixture.proxy('socks5', { login: true });
    const socket = await fixture.connect(port);
    socket.write(Buffer.concat([Uint8Array.of(5, 1, 2), login(name, password)]));
    expect([...(await readAll(socket))]).toEqual([5, 2, 1, 1]);
    expect(proxy.counts.of('socks5').refused.get('wrong-password')).toBe(1);
    expect(fixture.log.join()).not.toContain(LOGIN.password);
  });

  test('is required: a client that offers none is refused', async () => {
    const { port, proxy } = await fixture.proxy('socks5', { login: true });
    const socket = await fixture.connect(port);
    socket.write(Uint8Array.of(5, 1, 0));
    expect([...(await readAll(socket))]).toEqual([5, 0xff]);
    expect(proxy.counts.of('socks5').refused.get('no-password')).toBe(1);
  });
});

describe('a client', () => {
  test.each<[what: string, bytes: number[], answer: number[], reason: string]>([
    ['SOCKS4', [4, 1, 0, 80, 10, 0, 0, 1, 0], [], 'garbage'],
    ['HTTP', [...Buffer.from('GET / HTTP/1.1\r\n\r\n')], [], 'garbage'],
    ['an offer without a method', [5, 0], [5, 0xff], 'not-supported'],
    ['an offer of only GSSAPI', [5, 1, 1], [5, 0xff], 'not-supported'],
    ['another version in the request', [5, 1, 0, 4, 1, 0, 1], [5, 0], 'garbage'],
    [
      'BIND',
      [5, 1, 0, 5, 2, 0, 1, 1, 2, 3, 4, 0, 80],
      [5, 0, 5, 7, 0, 1, 0, 0, 0, 0, 0, 0],
      'not-supported',
    ],
    [
      'an unknown command',
      [5, 1, 0, 5, 9, 0, 1, 1, 2, 3, 4, 0, 80],
      [5, 0, 5, 7, 0, 1, 0, 0, 0, 0, 0, 0],
      'not-supported',
    ],
    [
      'an unknown address type',
      [5, 1, 0, 5, 1, 0, 2, 1],
      [5, 0, 5, 8, 0, 1, 0, 0, 0, 0, 0, 0],
      'not-supported',
    ],
    [
      'port 0',
      [5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, 0, 0],
      [5, 0, 5, 1, 0, 1, 0, 0, 0, 0, 0, 0],
      'garbage',
    ],
    [
      'an empty name',
      [5, 1, 0, 5, 1, 0, 3, 0, 0, 80],
      [5, 0, 5, 1, 0, 1, 0, 0, 0, 0, 0, 0],
      'garbage',
    ],
  ])('is refused for %s', async (_, bytes, answer, reason) => {
    const { port, proxy } = await fixture.proxy('socks5');
    const socket = await fixture.connect(port);
    socket.write(Uint8Array.from(bytes));
    expect([...(await readAll(socket))]).toEqual(answer);
    expect([...proxy.counts.of('socks5').refused]).toEqual([[reason, 1]]);
  });

  test('is refused if its request is not complete after ten seconds', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { port, proxy } = await fixture.proxy('socks5');
    const socket = await fixture.connect(port);
    socket.write(Uint8Array.of(5, 1));
    await until(() => vi.getTimerCount() > 0);
    vi.advanceTimersByTime(9999);
    expect(proxy.counts.of('socks5').refused.size).toBe(0);
    vi.advanceTimersByTime(1);
    await readAll(socket);
    await until(() => proxy.counts.of('socks5').refused.get('silent') === 1);
  });

  test('counts as lost, and not as refused, if it ends the connection before its request is complete', async () => {
    const { port, proxy } = await fixture.proxy('socks5');
    const socket = await fixture.connect(port);
    socket.end(Uint8Array.of(5, 1));
    await readAll(socket);
    expect(proxy.counts.of('socks5').refused.size).toBe(0);
    expect(fixture.log.at(-1)).toBe('--socks5 0: a client was lost: the client has ended');
  });
});

function login(name: string, password: string): Buffer {
  const [a, b] = [Buffer.from(name), Buffer.from(password)];
  return Buffer.concat([Uint8Array.of(1, a.length), a, Uint8Array.of(b.length), b]);
}

function portBytes(port: number): [number, number] {
  return [port >> 8, port & 0xff];
}
