import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { InterfaceClient, socketNames } from '../../src/live/interface-client.ts';

describe('InterfaceClient', () => {
  it('refuses a text that is not the name of an interface', () => {
    expect(() => new InterfaceClient('../x')).toThrow('"../x" is not the name of an interface');
  });

  it('reports that there is no socket', async () => {
    await expect(new InterfaceClient('litz-none0').read()).rejects.toThrow(
      /litz-none0\.sock: there is no such socket/,
    );
  });
});

describe('socketNames', () => {
  it('returns only the sockets that are named after interfaces', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'litz-sockets-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'file.sock'), '');
    mkdirSync(join(folder, 'folder.sock'));
    for (const name of ['wg0.sock', 'wg0.other', 'a:b.sock']) {
      const server = createServer().listen(join(folder, name));
      onTestFinished(() => void server.close());
      await once(server, 'listening');
    }
    expect(socketNames(folder)).toEqual(['wg0']);
    expect(socketNames(join(folder, 'none'))).toEqual([]);
  });
});
