import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { readAll, unusedPort, until, type TestServer } from './loopback.ts';
import { LOGIN, ProxyFixture } from './proxy-fixture.ts';

const fixture = new ProxyFixture();

afterEach(async () => {
  vi.useRealTimers();
  await fixture.close();
});

describe('the HTTP proxy, for a request for http://,', () => {
  test('sends the request to its target in origin form, without the fields for the proxy', async () => {
    let seen: IncomingMessage | undefined;
    const target = await web((request, response) => {
      seen = request;
      response.setHeader('Set-Cookie', ['a=1', 'b=2']).end('found');
    });
    const { port } = await fixture.proxy('http');
    const lines = [
      `GET http://inside.test:${target}/path?x=1 HTTP/1.1`,
      'Host: another.test',
      'Proxy-Connection: keep-alive',
      'Connection: close',
      'X-Case: Kept',
    ];
    const { head, body } = await exchange(port, lines);
    expect(head[0]).toBe('HTTP/1.1 200 OK');
    expect(head.filter((line) => line.startsWith('Set-Cookie'))).toEqual([
      'Set-Cookie: a=1',
      'Set-Cookie: b=2',
    ]);
    expect(head).toContain('Via: 1.1 litz');
    expect(body).toBe('found');
    expect(seen!.url).toBe('/path?x=1');
    const host = `inside.test:${target}`;
    expect(seen!.rawHeaders).toEqual([
      'Host',
      host,
      'X-Case',
      'Kept',
      'Via',
      '1.1 litz',
      'Connection',
      'keep-alive',
    ]);
  });

  test.each<[what: string, fields: string[], body: string, framing: Record<string, string>]>([
    ['a length', ['Content-Length: 4'], 'ping', { 'content-length': '4' }],
    [
      'chunks',
      ['Transfer-Encoding: chunked'],
      '4\r\nping\r\n0\r\n\r\n',
      { 'transfer-encoding': 'chunked' },
    ],
    ['no body', [], '', { 'content-length': '0' }],
  ])('keeps the framing of a request with %s', async (_, fields, body, framing) => {
    let headers: IncomingMessage['headers'] = {};
    const target = await web(async (request, response) => {
      ({ headers } = request);
      let text = '';
      for await (const part of request) text += String(part);
      response.end(`got ${text}`);
    });
    const { port } = await fixture.proxy('http');
    const lines = [
      `POST http://127.0.0.1:${target}/ HTTP/1.1`,
      'Host: x',
      'Connection: close',
      ...fields,
    ];
    const answer = await exchange(port, lines, body);
    expect(answer.body).toBe(`got ${body === '' ? '' : 'ping'}`);
    expect(headers).toMatchObject(framing);
  });

  test('passes on the body of a GET request that is sent in chunks', async () => {
    const bodies: string[] = [];
    const target = await web(async (request, response) => {
      let text = '';
      for await (const part of request) text += String(part);
      bodies.push(text);
      response.end('ok');
    });
    const { port } = await fixture.proxy('http');
    const lines = [
      `GET http://127.0.0.1:${target}/ HTTP/1.1`,
      'Host: x',
      'Transfer-Encoding: chunked',
      'Connection: close',
    ];
    await exchange(port, lines, '5\r\nhello\r\n0\r\n\r\n');
    expect(bodies).toEqual(['hello']);
  });

  test('serves several requests on one connection, and uses its own connection to the target again', async () => {
    const ports = new Set<number | undefined>();
    const target = await web((request, response) => {
      ports.add(request.socket.remotePort);
      response.end(request.url);
    });
    const { port, proxy } = await fixture.proxy('http');
    const socket = await fixture.connect(port);
    for (const path of ['/1', '/2', '/3']) {
      socket.write(`GET http://127.0.0.1:${target}${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
      let text = '';
      while (!text.endsWith('0\r\n\r\n') && !text.endsWith(path)) {
        text += String(((await once(socket, 'data')) as [Buffer])[0]);
      }
      expect(text).toContain(path);
    }
    expect(ports.size).toBe(1);
    expect(proxy.counts.of('http').opened).toBe(3);
  });

  test('keeps at most 8 connections open to the targets of one client', async () => {
    const { port, proxy } = await fixture.proxy('http');
    const socket = await fixture.connect(port);
    const servers: TestServer[] = [];
    for (let i = 0; i < 12; i++) {
      const server = await fixture.server((target) =>
        target
          .resume()
          .on('data', () => target.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi')),
      );
      servers.push(server);
      socket.write(`GET http://127.0.0.1:${server.port}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
      await once(socket, 'data');
      await until(() => proxy.counts.of('http').open === 0);
    }
    await until(() => servers.filter(isOpen).length <= 8);
    expect(servers.filter(isOpen)).toHaveLength(8);
  });

  test('passes trailers and a status text on', async () => {
    const target = await web((_, response) => {
      response.writeHead(299, 'Fine', { Trailer: 'X-Sum' });
      response.write('body');
      response.addTrailers({ 'X-Sum': '7' });
      response.end();
    });
    const { port } = await fixture.proxy('http');
    const lines = [`GET http://127.0.0.1:${target}/ HTTP/1.1`, 'Host: x', 'Connection: close'];
    const { head, raw } = await exchange(port, lines);
    expect(head[0]).toBe('HTTP/1.1 299 Fine');
    expect(raw).toContain('0\r\nX-Sum: 7\r\n');
  });

  test('says 100 Continue to a client that waits for it, and passes the body on', async () => {
    const target = await web(async (request, response) => {
      for await (const part of request) response.write(part);
      response.end();
    });
    const { port } = await fixture.proxy('http');
    const socket = await fixture.connect(port);
    const fields = 'Host: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\nConnection: close';
    socket.write(`PUT http://127.0.0.1:${target}/ HTTP/1.1\r\n${fields}\r\n\r\n`);
    const [first] = (await once(socket, 'data')) as [Buffer];
    expect(String(first)).toMatch(/^HTTP\/1\.1 100 /);
    socket.write('ping');
    expect(String(await readAll(socket))).toContain('ping');
  });

  test('does not make an answer that is cut off look complete', async () => {
    const target = await web((_, response) => {
      response.writeHead(200, { 'Content-Length': 100 });
      response.write('only a part', () => response.destroy());
    });
    const { port } = await fixture.proxy('http');
    const socket = await fixture.connect(port);
    socket.write(`GET http://127.0.0.1:${target}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
    const [, body] = String(await readAll(socket)).split('\r\n\r\n');
    expect(body).toBe('only a part');
  });

  test('does not pass on bytes that a target sends after the body', async () => {
    let requests = 0;
    const target = await fixture.server((socket) => {
      socket.on('data', () => {
        requests++;
        const extra = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil';
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood${extra}`);
      });
    });
    const { port } = await fixture.proxy('http');
    const socket = await fixture.connect(port);
    const received: Buffer[] = [];
    socket.on('data', (part: Buffer) => received.push(part));
    const text = (): string => String(Buffer.concat(received));
    for (const round of [1, 2, 3]) {
      socket.write(`GET http://127.0.0.1:${target.port}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
      await until(() => text().split('good').length === round + 1);
    }
    expect([requests, text().includes('evil')]).toEqual([3, false]);
  });

  test.each<[what: string, answer: string, status: string]>([
    [
      'a control character',
      'HTTP/1.1 200 O\x01K\r\nContent-Length: 2\r\n\r\nhi',
      '502 Bad Gateway',
    ],
    ['status 0', 'HTTP/1.1 000 OK\r\nContent-Length: 2\r\n\r\nhi', '502 Bad Gateway'],
    [
      'a switch of the protocol',
      'HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
      '502 Bad Gateway',
    ],
    [
      'Trailer without chunks',
      'HTTP/1.1 200 OK\r\nTrailer: x\r\nContent-Length: 2\r\n\r\nhi',
      '200 OK',
    ],
  ])(
    'if the answer of the target has %s, sends the client the status %s',
    async (_, answer, status) => {
      const target = await fixture.server((socket) =>
        socket.once('data', () => socket.end(answer)),
      );
      const { port, proxy } = await fixture.proxy('http');
      const lines = [
        `GET http://127.0.0.1:${target.port}/ HTTP/1.1`,
        'Host: x',
        'Connection: close',
      ];
      const { head } = await exchange(port, lines);
      expect(head[0]).toBe(`HTTP/1.1 ${status}`);
      await until(() => proxy.counts.of('http').open === 0);
      const failed = status.startsWith('502') ? [['EPROTO', 1]] : [];
      expect([...proxy.counts.of('http').failed]).toEqual(failed);
    },
  );

  test('passes no trailers on to a client of HTTP/1.0', async () => {
    const target = await web((_, response) => {
      response.writeHead(200, { Trailer: 'X-Sum' });
      response.write('body');
      response.addTrailers({ 'X-Sum': '7' });
      response.end();
    });
    const { port } = await fixture.proxy('http');
    const { head, body } = await exchange(port, [`GET http://127.0.0.1:${target}/ HTTP/1.0`]);
    expect(head).not.toContain('Trailer: X-Sum');
    expect(body).toBe('body');
  });

  test('does not announce the trailers of a request to the target', async () => {
    let headers: IncomingMessage['headers'] = {};
    const target = await web((request, response) => {
      ({ headers } = request);
      response.end();
    });
    const { port } = await fixture.proxy('http');
    const fields = ['Host: x', 'Trailer: X-Sum', 'Connection: close'];
    await exchange(port, [`GET http://127.0.0.1:${target}/ HTTP/1.1`, ...fields]);
    expect(headers['host']).toBe(`127.0.0.1:${target}`);
    expect(headers).not.toHaveProperty('trailer');
  });

  test.each<[what: string, url: string, status: string]>([
    ['origin form', '/path', '400 Bad Request'],
    ['https', 'https://a.test/', '400 Bad Request'],
    ['no host', 'http:///', '400 Bad Request'],
    ['a name that does not exist', 'http://none.test/', '502 Bad Gateway'],
  ])('refuses %s with the status %s', async (_, url, status) => {
    const { port } = await fixture.proxy('http');
    const { head } = await exchange(port, [`GET ${url} HTTP/1.1`, 'Host: x', 'Connection: close']);
    expect(head[0]).toBe(`HTTP/1.1 ${status}`);
  });

  test('answers 502 with the error code if the target refuses the connection', async () => {
    const { port, proxy } = await fixture.proxy('http');
    const url = `http://127.0.0.1:${await unusedPort()}/`;
    const { head, body } = await exchange(port, [
      `GET ${url} HTTP/1.1`,
      'Host: x',
      'Connection: close',
    ]);
    expect(head[0]).toBe('HTTP/1.1 502 Bad Gateway');
    expect(body).toBe('the target was not reached (ECONNREFUSED)\n');
    expect([...proxy.counts.of('http').failed]).toEqual([['ECONNREFUSED', 1]]);
  });

  test('ends the request to the target when the client goes away', async () => {
    const target = await web(() => {});
    const { port, proxy } = await fixture.proxy('http');
    const socket = await fixture.connect(port);
    socket.write(`GET http://127.0.0.1:${target}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
    await until(() => proxy.counts.of('http').open === 1);
    socket.destroy();
    await until(() => proxy.counts.of('http').open === 0);
    expect(proxy.counts.of('http').opened).toBe(1);
  });
});

describe('CONNECT', () => {
  test('reaches a target, with data that follows the request at once', async () => {
    const target = await fixture.echo();
    const { port, proxy } = await fixture.proxy('http');
    const socket = await fixture.connect(port);
    socket.end(`CONNECT inside.test:${target.port} HTTP/1.1\r\nHost: x\r\n\r\nearly`);
    const answer = 'HTTP/1.1 200 Connection established\r\n\r\nearly';
    expect(String(await readAll(socket))).toBe(answer);
    await until(() => proxy.counts.of('http').open === 0);
    expect(proxy.counts.of('http')).toMatchObject({ bytesForth: 5, bytesBack: 5 });
  });

  test.each<[target: string, status: string]>([
    ['none.test:80', '502 Bad Gateway'],
    ['127.0.0.1', '400 Bad Request'],
    ['http://127.0.0.1/', '400 Bad Request'],
    ['127.0.0.1:0', '400 Bad Request'],
  ])('to %s is refused with the status %s', async (target, status) => {
    const { port } = await fixture.proxy('http');
    const { head } = await exchange(port, [`CONNECT ${target} HTTP/1.1`, 'Host: x']);
    expect(head[0]).toBe(`HTTP/1.1 ${status}`);
  });
});

describe('a password', () => {
  test.each(['GET http://127.0.0.1:1/', 'CONNECT 127.0.0.1:1'])(
    'is required for %s',
    async (line) => {
      const { port, proxy } = await fixture.proxy('http', { login: true });
      const fields = [`${line} HTTP/1.1`, 'Host: x'];
      const { head } = await exchange(port, fields);
      expect(head[0]).toBe('HTTP/1.1 407 Proxy Authentication Required');
      expect(head).toContain('Proxy-Authenticate: Basic realm="litz", charset="UTF-8"');
      const wrong = await exchange(port, [...fields, `Proxy-Authorization: ${basic('wrong')}`]);
      expect(wrong.head[0]).toBe('HTTP/1.1 407 Proxy Authentication Required');
      expect([...proxy.counts.of('http').refused]).toEqual([
        ['no-password', 1],
        ['wrong-password', 1],
      ]);
      const right = await exchange(port, [
        ...fields,
        `Proxy-Authorization: ${basic(LOGIN.password)}`,
      ]);
      expect(right.head[0]).toBe('HTTP/1.1 502 Bad Gateway');
    },
  );
});

describe('a client that sends garbage', () => {
  test.each<[what: string, bytes: string, status: string | undefined]>([
    ['SOCKS5', '\x05\x01\x00', 'HTTP/1.1 400 Bad Request'],
    ['a TLS hello', '\x16\x03\x01\x02\x00', 'HTTP/1.1 400 Bad Request'],
    [
      'a header that is too long',
      `GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      'HTTP/1.1 431 Request Header Fields Too Large',
    ],
    [
      'two lengths',
      'POST http://a/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
      'HTTP/1.1 400 Bad Request',
    ],
  ])('is refused and counted: %s', async (_, bytes, status) => {
    const { port, proxy } = await fixture.proxy('http');
    const socket = await fixture.connect(port);
    socket.write(bytes, 'latin1');
    expect(String(await readAll(socket)).split('\r\n')[0]).toBe(status);
    expect([...proxy.counts.of('http').refused]).toEqual([['garbage', 1]]);
  });
});

/** Returns whether the proxy keeps a connection to a server. */
function isOpen({ sockets }: TestServer): boolean {
  return sockets.some((it) => !it.readableEnded);
}

async function web(
  answer: (request: IncomingMessage, response: ServerResponse) => unknown,
): Promise<number> {
  const server: Server = createServer((request, response) => void answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  fixture.add({
    close: async () => {
      server.closeAllConnections();
      server.close();
    },
  });
  return (server.address() as AddressInfo).port;
}

/** Sends a request, and reads until the proxy closes the connection. */
async function exchange(
  port: number,
  lines: readonly string[],
  body = '',
): Promise<{ head: string[]; body: string; raw: string }> {
  const socket = await fixture.connect(port);
  socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`);
  const raw = String(await readAll(socket));
  const [head = '', ...rest] = raw.split('\r\n\r\n');
  const isChunked = /\r\ntransfer-encoding: chunked/i.test(head);
  const text = rest.join('\r\n\r\n');
  return { head: head.split('\r\n'), body: isChunked ? unchunked(text) : text, raw };
}

function unchunked(text: string): string {
  const [, size, rest = ''] = /^([0-9a-f]+)\r\n([^]*)$/.exec(text) ?? [];
  const length = Number.parseInt(size ?? '0', 16);
  return length === 0 ? '' : rest.slice(0, length) + unchunked(rest.slice(length + 2));
}

function basic(password: string): string {
  return `Basic ${Buffer.from(`${LOGIN.name}:${password}`).toString('base64')}`;
}
