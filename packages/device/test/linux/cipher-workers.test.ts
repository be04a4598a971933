import { CipherThreads, createOpensslProvider } from '@litz/openssl';
import { describeWith, requirement } from '@litz/testkit';
import { expect, it, vi } from 'vitest';
import { CipherWorkers } from '../../src/linux/cipher-workers.ts';
import { builtDevice } from '../two-hosts.ts';

const openssl = requirement("Node's own OpenSSL", () => createOpensslProvider().destroy?.());

describeWith([openssl, builtDevice], 'CipherWorkers', () => {
  it('start threads, and report those that end before they should', async () => {
    const threads = new CipherThreads(3, new Uint8Array(new ArrayBuffer(4096)));
    const lost: string[] = [];
    const workers = new CipherWorkers(({ message }) => lost.push(message));
    workers.start(threads.start(1));
    workers.start(threads.start(2));
    await vi.waitUntil(() => threads.running === 3, 20_000);
    threads.end();
    await vi.waitUntil(() => lost.length === 2, 20_000);
    expect(threads.running).toBe(1);
    expect(lost).toEqual(['it exited with code 0', 'it exited with code 0']);
    await workers.close();
  });

  it('end all threads without a report when they are closed', async () => {
    const threads = new CipherThreads(2, new Uint8Array(new ArrayBuffer(4096)));
    const onLost = vi.fn();
    const workers = new CipherWorkers(onLost);
    workers.start(threads.start(1));
    await vi.waitUntil(() => threads.running === 2, 20_000);
    await workers.close();
    expect(threads.running).toBe(1);
    expect(onLost).not.toHaveBeenCalled();
  });
});
