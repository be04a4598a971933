import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import { PacketThread } from '../../src/linux/packet-thread.ts';

describe('PacketThread', () => {
  it('gives the thread that was started early to the next device only', () => {
    PacketThread.startEarly('wg0');
    PacketThread.startEarly('wg0');
    const [early, other] = [take(), take()];
    expect(early.worker.threadId).toBeLessThan(other.worker.threadId);
    expect(other.worker.threadId).toBe(early.worker.threadId + 1);
  });

  it('says why the thread has ended', async () => {
    const { worker, ended } = take();
    await once(worker, 'online');
    await worker.terminate();
    expect(await ended).toEqual(new Error('the thread exited with code 1'));
  });

  it('lets the process end while no device has taken the thread', () => {
    const entry = new URL('../../dist/linux/packet-thread.js', import.meta.url).href;
    const program = `import { PacketThread } from '${entry}'; PacketThread.startEarly('wg0');`;
    const args = ['--input-type=module', '--eval', program];
    const { status, stderr } = spawnSync(process.execPath, args, {
      encoding: 'utf8',
      timeout: 20_000,
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
});

function take(): PacketThread {
  const thread = PacketThread.take('wg0');
  onTestFinished(async () => void (await thread.worker.terminate()));
  return thread;
}
