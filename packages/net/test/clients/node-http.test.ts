import { once } from 'node:events';
import { createServer, get, request, type IncomingMessage } from 'node:http';
import { createServer as createSecureServer, get as getSecure } from 'node:https';
import { connect as connectHttp2, createSecureServer as createHttp2Server } from 'node:http2';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { twoNetworks, type TwoNetworks } from '../two-networks.ts';
import { createCertificate } from './certificate.ts';

const { key, cert } = createCertificate();
let networks: TwoNetworks;

beforeAll(async () => {
  networks = await twoNetworks();
});
afterAll(async () => {
  await networks[Symbol.asyncDispose]();
});

describe('node:http over a network', () => {
  test('sends ten requests of an agent over one connection', async () => {
    const { a, b } = networks;
    const ports = new Set<number>();
    const server = createServer((incoming, outgoing) => {
      ports.add(incoming.socket.remotePort!);
      outgoing.end('hello');
    });
    await using listener = await b.serve(server, { port: 80 });
    for (let i = 0; i < 10; i++) {
      const [response] = (await once(get('http://10.0.0.2/', { agent: a.agent }), 'response')) as [
        IncomingMessage,
      ];
      expect(String(Buffer.concat(await response.toArray()))).toBe('hello');
    }
    expect(ports.size).toBe(1);
    a.agent.destroy();
    expect(listener.address()).toMatchObject({ port: 80 });
  });

  test('answers 408 and closes a connection whose headers never come', async () => {
    const { a, b } = networks;
    const server = createServer({ headersTimeout: 50, connectionsCheckingInterval: 20 });
    await using listener = await b.serve(server, { port: 0 });
    const socket = a.connect(listener.address()!.port, '10.0.0.2');
    socket.write('GET / HTTP/1.1\r\n');
    const answer = Buffer.concat(await socket.toArray());
    expect(String(answer)).toContain('408 Request Timeout');
    server.close();
  });

  test('upgrades a connection', async () => {
    const { a, b } = networks;
    const server = createServer();
    server.on('upgrade', (_incoming, socket) => {
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n',
      );
      socket.pipe(socket);
    });
    await using listener = await b.serve(server, { port: 0 });
    const upgraded = request({
      host: '10.0.0.2',
      port: listener.address()!.port,
      agent: a.agent,
      headers: { connection: 'Upgrade', upgrade: 'echo' },
    }).end();
    const [, socket] = (await once(upgraded, 'upgrade')) as [unknown, NodeJS.ReadWriteStream];
    socket.end('through');
    let received = '';
    for await (const chunk of socket) received += String(chunk);
    expect(received).toBe('through');
  });

  test('lets a signal abort a request whose connection is not established', async () => {
    const { a } = networks;
    const abort = new AbortController();
    const asked = get('http://10.0.0.2:81/', { agent: a.agent, signal: abort.signal });
    abort.abort();
    const [error] = (await once(asked, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ABORT_ERR');
  });
});

describe('TLS over a network', () => {
  test('serves HTTPS, and resumes the TLS session of an agent', async () => {
    const { a, b } = networks;
    const server = createSecureServer({ key, cert }, (_incoming, outgoing) => {
      outgoing.shouldKeepAlive = false;
      outgoing.end('secret');
    });
    await using listener = await b.serve(server, { port: 443 });
    const reused: boolean[] = [];
    for (let i = 0; i < 3; i++) {
      const asked = getSecure('https://10.0.0.2/', { agent: a.httpsAgent, ca: cert });
      asked.on('socket', (socket) =>
        socket.on('secureConnect', () =>
          reused.push((socket as unknown as { isSessionReused(): boolean }).isSessionReused()),
        ),
      );
      const [response] = (await once(asked, 'response')) as [IncomingMessage];
      expect(String(Buffer.concat(await response.toArray()))).toBe('secret');
      await once(response.socket, 'close');
    }
    expect(reused).toEqual([false, true, true]);
    expect(listener.listening).toBe(true);
  });

  test('refuses a self-signed certificate that the agent does not know', async () => {
    const { a, b } = networks;
    const server = createSecureServer({ key, cert });
    await using listener = await b.serve(server, { port: 0 });
    const url = `https://10.0.0.2:${listener.address()!.port}/`;
    const [error] = (await once(getSecure(url, { agent: a.httpsAgent }), 'error')) as [
      NodeJS.ErrnoException,
    ];
    expect(error.code).toBe('DEPTH_ZERO_SELF_SIGNED_CERT');
  });

  test('fetches over HTTPS with undici', async () => {
    const { a, b } = networks;
    const server = createSecureServer({ key, cert }, (_incoming, outgoing) =>
      outgoing.end('fetched'),
    );
    await using listener = await b.serve(server, { port: 0 });
    const { Agent } = await import('undici');
    const dispatcher = new Agent({ connect: a.createConnector({ ca: cert }) });
    const url = `https://10.0.0.2:${listener.address()!.port}/`;
    const response = await a.fetch(url, { dispatcher });
    expect(await response.text()).toBe('fetched');
    await dispatcher.close();
    await expect(a.fetch(url)).rejects.toMatchObject({
      cause: { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
    });
  });

  test('carries 4 MiB in both directions over a socket of the network', async () => {
    const { a, b } = networks;
    const server = createTlsServer({ key, cert }, (socket) => void socket.pipe(socket));
    await using listener = await b.serve(server, { port: 0 });
    const socket = a.connect(listener.address()!.port, 'fd00::2');
    const secure = connectTls({ socket, ca: cert, servername: 'server.test' });
    await once(secure, 'secureConnect');
    const sent = Buffer.alloc(4 * 2 ** 20, 'x');
    secure.end(sent);
    expect(Buffer.concat(await secure.toArray()).equals(sent)).toBe(true);
    expect(socket.bytesRead).toBeGreaterThan(sent.length);
  });

  test('carries HTTP/2', async () => {
    const { a, b } = networks;
    const server = createHttp2Server({ key, cert }, (_incoming, outgoing) => outgoing.end('two'));
    await using listener = await b.serve(server, { port: 0 });
    const session = connectHttp2('https://server.test', {
      createConnection: () =>
        connectTls({
          socket: a.connect(listener.address()!.port, '10.0.0.2'),
          ca: cert,
          servername: 'server.test',
          ALPNProtocols: ['h2'],
        }),
    });
    const texts = await Promise.all(
      [1, 2, 3].map(async () => {
        const stream = session.request({ ':path': '/' });
        return String(Buffer.concat(await stream.toArray()));
      }),
    );
    expect(texts).toEqual(['two', 'two', 'two']);
    await new Promise<void>((resolve) => session.close(resolve));
  });
});
