import { createHash, randomBytes } from 'node:crypto';
import { createServer, type RequestListener, type Server as HttpServer } from 'node:http';
import { Pool, request } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { twoNetworks, type TwoNetworks } from '../two-networks.ts';

let networks: TwoNetworks;
let http: HttpServer;
let handle: RequestListener;
/** The number of connections that the server has accepted. */
let connections = 0;

beforeAll(async () => {
  networks = await twoNetworks();
  // 0: the server never closes an idle connection. With a time limit, it could close one between
  // two tests on a slow machine.
  const options = { keepAliveTimeout: 0 };
  http = createServer(options, (incoming, outgoing) => handle(incoming, outgoing));
  http.on('connection', () => connections++);
  await networks.b.serve(http, { port: 80 });
});
afterAll(async () => {
  await networks[Symbol.asyncDispose]();
});

describe('undici over a network', () => {
  test('fetches, also from an IPv6 address', async () => {
    handle = (incoming, outgoing) => outgoing.end(incoming.socket.remoteAddress);
    const texts = await Promise.all(
      ['10.0.0.2', '[fd00::2]'].map(async (host) => {
        const response = await networks.a.fetch(`http://${host}/`);
        return response.text();
      }),
    );
    expect(texts).toEqual(['10.0.0.1', 'fd00::1']);
  });

  test('keeps a connection for the next requests', async () => {
    handle = (_incoming, outgoing) => outgoing.end('x');
    const before = connections;
    for (let i = 0; i < 20; i++) {
      const { body } = await request('http://10.0.0.2/', { dispatcher: networks.a.dispatcher });
      expect(await body.text()).toBe('x');
    }
    // The requests may use the connection of the test before, if that connection is still open.
    expect(connections - before).toBeLessThanOrEqual(1);
  });

  test('sends and receives a body of 16 MiB', async () => {
    const body = randomBytes(16 * 2 ** 20);
    const digest = createHash('sha256').update(body).digest('hex');
    handle = async (incoming, outgoing) => {
      const arrived = createHash('sha256');
      for await (const chunk of incoming) arrived.update(chunk as Buffer);
      outgoing.setHeader('x-digest', arrived.digest('hex'));
      outgoing.end(body);
    };
    const response = await networks.a.fetch('http://10.0.0.2/', { method: 'POST', body });
    const received = createHash('sha256');
    for await (const chunk of response.body!) received.update(chunk as Uint8Array);
    expect(response.headers.get('x-digest')).toBe(digest);
    expect(received.digest('hex')).toBe(digest);
  });

  test('pipelines requests on one connection', async () => {
    handle = (incoming, outgoing) => outgoing.end(incoming.url);
    const pool = new Pool('http://10.0.0.2', {
      connect: networks.a.connector,
      connections: 1,
      pipelining: 10,
    });
    const before = connections;
    const paths = Array.from({ length: 100 }, (_, i) => `/${i}`);
    const texts = await Promise.all(
      paths.map(async (path) => {
        const { body } = await pool.request({ path, method: 'GET' });
        return body.text();
      }),
    );
    expect(texts).toEqual(paths);
    expect(connections - before).toBe(1);
    await pool.close();
  });

  test('takes a Request and a FormData of Node.js', async () => {
    handle = (incoming, outgoing) => {
      outgoing.setHeader('x-type', incoming.headers['content-type'] ?? '');
      incoming.pipe(outgoing);
    };
    const form = new FormData();
    form.append('name', 'value');
    const sent = new Request('http://10.0.0.2/', { method: 'POST', body: 'hello' });
    expect(await (await networks.a.fetch(sent)).text()).toBe('hello');
    const answer = await networks.a.fetch('http://10.0.0.2/', { method: 'POST', body: form });
    expect(answer.headers.get('x-type')).toContain('multipart/form-data');
    expect(await answer.text()).toContain('name="name"');
  });

  test('ends a request when its signal is aborted', async () => {
    const abort = new AbortController();
    handle = () => abort.abort();
    const failed = networks.a.fetch('http://10.0.0.2/', { signal: abort.signal });
    await expect(failed).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('says which connection was refused', async () => {
    const failed = networks.a.fetch('http://10.0.0.2:81/');
    await expect(failed).rejects.toMatchObject({
      message: 'fetch failed',
      cause: { code: 'ECONNREFUSED', address: '10.0.0.2', port: 81 },
    });
  });

  test('never uses the network of the system', async () => {
    const outside = createServer((_incoming, outgoing) => outgoing.end('outside'));
    await new Promise<void>((resolve) => outside.listen(0, '127.0.0.1', resolve));
    const { port } = outside.address() as { port: number };
    await expect(networks.a.fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow('fetch failed');
    await expect(networks.a.fetch(`http://localhost:${port}/`)).rejects.toThrow('fetch failed');
    outside.close();
  });
});
