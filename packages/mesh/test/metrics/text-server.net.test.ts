import { once } from 'node:events';
import { createConnection } from 'node:net';
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

  it('survives a function that throws', async () => {
    expect(await ask('/broken')).toEqual([500, 'nobody home\n']);
    expect(await ask('/readyz')).toEqual([503, 'not ready\n']);
  });
});

async function ask(path: string, method = 'GET'): Promise<[status: number, text: string]> {
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
  return [response.status, await response.text()];
}
