import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { Server, Socket } from '../../src/index.ts';
import { linkedHosts } from '../linked-hosts.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

test('an idle socket and its connection in the stack cost less than 2000 bytes', async () => {
  const [a, b] = linkedHosts();
  const sockets: Socket[] = [];
  const server = new Server(b, {}, (socket) => sockets.push(socket)).listen(80);
  // The first sockets also cost the memory that all sockets share.
  await connectMany(50);
  const before = usedMemory();
  await connectMany(1000);
  const each = (usedMemory() - before) / 2000;
  expect(sockets.length).toBe(2 * 1050);
  expect(each).toBeLessThan(2000);
  server.close();
  for (const socket of sockets) socket.destroy();

  async function connectMany(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const accepted = once(server, 'connection');
      const socket = new Socket(a).connect(80, '10.0.0.2');
      sockets.push(socket);
      await Promise.all([once(socket, 'connect'), accepted]);
    }
  }
});

function usedMemory(): number {
  // Another thread frees the buffers that the first collection found. The second collection waits
  // for that thread.
  for (let i = 0; i < 2; i++) collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
