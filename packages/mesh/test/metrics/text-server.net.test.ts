import { once } from 'node:events';
import { existsSync, lstatSync, mkdtempSync, renameSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as consumeText } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { TextServer } from '../../src/metrics/text-server.ts';

let server: TextServer;

describe('TextServer', () => {
  beforeEach(async () => {
    server = await TextServer.listen(
      { host: '127.0.0.1', port: 0 },
      new Map<string, () => { status: number; text: string }>([
        ['/readyz', () => ({ status: 503, text: 'not ready\n' })],
        [
          '/broken',
          () => {
            throw new Error('nobody home');
          },
        ],
      ]),
    );
  });

  afterEach(() => server.close());

  it('answers with the result of the function for the path', async () => {
    expect(await ask('/readyz?verbose')).toEqual([503, 'not ready\n']);
    expect(await ask('/readyz', 'HEAD')).toEqual([503, '']);
  });

  it('answers an unknown path with the paths that exist', async () => {
    expect(await ask('/')).toEqual([
      404,
      'this path does not exist; the paths are /readyz, /broken\n',
    ]);
  });

  it('refuses methods other than GET and HEAD', async () => {
    expect(await ask('/readyz', 'POST')).toEqual([405, 'the method must be GET or HEAD\n']);
  });

  it('answers while a client has many idle connections', async () => {
    const held = Array.from({ length: 100 }, () => createConnection(server.port, '127.0.0.1'));
    onTestFinished(() => held.forEach((socket) => socket.destroy()));
    for (const socket of held) socket.on('error', () => {});
    await Promise.all(held.map((socket) => once(socket, 'connect')));
    const start = performance.now();
    expect(await ask('/readyz')).toEqual([503, 'not ready\n']);
    expect(performance.now() - start).toBeLessThan(3000);
  });

  it('serves a Unix socket for its owner and its group, and replaces the file of an ended server', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'litz-text-')), 's');
    const dead = createServer().listen(path);
    await once(dead, 'listening');
    // `close` removes the file of the socket, so the file has another name meanwhile.
    renameSync(path, `${path}.kept`);
    dead.close();
    renameSync(`${path}.kept`, path);
    const paths = new Map([['/a', () => ({ status: 200, text: 'a\n' })]]);
    const other = await TextServer.listen({ path }, paths, { onlyLoopbackHosts: true });
    expect(lstatSync(path).mode & 0o777).toBe(0o660);
    const socket = createConnection(path);
    socket.end('GET /a HTTP/1.0\r\n\r\n');
    expect(await consumeText(socket)).toMatch(/^HTTP\/1.1 200 OK[^]*\r\na\n$/);
    await expect(TextServer.listen({ path }, paths)).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await other.close();
    expect(existsSync(path)).toBe(false);
  });

  it('refuses the name of another machine in the Host header if onlyLoopbackHosts is set', async () => {
    const paths = new Map([['/a', () => ({ status: 200, text: 'a\n' })]]);
    const listen = { host: '127.0.0.1', port: 0 };
    const other = await TextServer.listen(listen, paths, { onlyLoopbackHosts: true });
    onTestFinished(() => other.close());
    const socket = createConnection(other.port, '127.0.0.1');
    socket.end('GET /a HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n');
    expect(await consumeText(socket)).toMatch(/^HTTP\/1.1 403 /);
    expect((await fetch(`http://127.0.0.1:${other.port}/a`)).status).toBe(200);
  });

  it('answers with the message of a function that throws, and continues', async () => {
    expect(await ask('/broken')).toEqual([500, 'nobody home\n']);
    expect(await ask('/readyz')).toEqual([503, 'not ready\n']);
  });
});

async function ask(path: string, method = 'GET'): Promise<[status: number, text: string]> {
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
  return [response.status, await response.text()];
}
