import { createConnection, createServer, type Socket } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { peerUserId } from '../src/index.ts';

describe('peerUserId', () => {
  it('returns the user of the process at the other end of a socket', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'litz-peer-'));
    const server = createServer().listen(join(folder, 's'));
    const client = createConnection(join(folder, 's'));
    const [socket] = (await once(server, 'connection')) as [Socket & { _handle: { fd: number } }];
    try {
      expect(peerUserId(socket._handle.fd)).toBe(process.getuid!());
      expect(() => peerUserId(-1)).toThrow('getsockopt');
    } finally {
      socket.destroy();
      client.destroy();
      server.close();
      rmSync(folder, { recursive: true });
    }
  });
});
