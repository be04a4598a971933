import { describe, expect, test } from 'vitest';
import { startInfo } from '../../src/proxy/info-server.ts';
import { TestServer } from './loopback.ts';

const LOOPBACK = '127.0.0.1';

describe('startInfo', () => {
  test('serves whether the tunnel is alive, and the metrics', async () => {
    const alive = { isAlive: true, toText: () => '{"10.0.0.2":5}' };
    const server = await startInfo({ host: LOOPBACK, port: 0 }, { alive, metrics });
    try {
      const url = `http://${server.description.replace('/readyz and /metrics on ', '')}`;
      const ready = await fetch(`${url}/readyz`);
      expect([ready.status, await ready.text()]).toEqual([200, '{"10.0.0.2":5}\n']);
      alive.isAlive = false;
      expect((await fetch(`${url}/readyz`)).status).toBe(503);
      expect(await (await fetch(`${url}/metrics`)).text()).toBe('m 1\n');
      expect((await fetch(`${url}/else`)).status).toBe(404);
    } finally {
      await server.close();
    }
  });

  test('rejects with an error that names the flag if the port is taken', async () => {
    const taken = await TestServer.echo();
    const alive = { isAlive: true, toText: () => '' };
    const sources = { alive, metrics: () => Promise.reject(new Error('none')) };
    const started = startInfo({ host: LOOPBACK, port: taken.port }, sources);
    await expect(started).rejects.toThrow(
      `--info: cannot listen on 127.0.0.1:${taken.port}: another program has this port (EADDRINUSE)`,
    );
    await taken.close();
  });
});

async function metrics(): Promise<{ type: string; text: string }> {
  return { type: 'text/x', text: 'm 1\n' };
}
