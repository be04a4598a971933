import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { CipherThreads, createOpensslProvider } from '@litz/openssl';
import { describeWith, requirement } from '@litz/testkit';
import { expect, it, vi } from 'vitest';
import { CipherWorkers } from '../../src/linux/cipher-workers.ts';
import { builtDevice } from '../two-hosts.ts';

const openssl = requirement("Node's own OpenSSL", () => createOpensslProvider().destroy?.());

describeWith([openssl, builtDevice], 'CipherWorkers', () => {
  it('start threads, and report those that are ended from outside', async () => {
    const threads = new CipherThreads(3, new Uint8Array(new ArrayBuffer(4096)));
    const lost: string[] = [];
    const started: Worker[] = [];
    const follow = (worker: Worker): void => void started.push(worker);
    process.on('worker', follow);
    const workers = new CipherWorkers(({ message }) => lost.push(message));
    workers.start(threads.start(1));
    workers.start(threads.start(2));
    await vi.waitUntil(() => threads.running === 3, 20_000);
    process.off('worker', follow);
    await Promise.all(started.map((worker) => worker.terminate()));
    expect(threads.running).toBe(1);
    expect(lost).toEqual(['it exited with code 1', 'it exited with code 1']);
    await workers.close();
  });

  it('do not report threads that the packet loop has ended', async () => {
    const threads = new CipherThreads(2, new Uint8Array(new ArrayBuffer(4096)));
    const onLost = vi.fn();
    const ended: Promise<unknown>[] = [];
    const follow = (worker: Worker): void => void ended.push(once(worker, 'exit'));
    process.on('worker', follow);
    const workers = new CipherWorkers(onLost);
    workers.start(threads.start(1));
    await vi.waitUntil(() => threads.running === 2, 20_000);
    process.off('worker', follow);
    threads.end();
    await Promise.all(ended);
    expect(ended.length).toBe(1);
    expect(threads.running).toBe(1);
    expect(onLost).not.toHaveBeenCalled();
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
