import { createOpensslProvider } from '@litz/openssl';
import { describeWith, requirement } from '@litz/testkit';
import { expect, it } from 'vitest';
import { openThreads } from '../../src/linux/open-threads.ts';

const openssl = requirement("Node's own OpenSSL", () => createOpensslProvider().destroy?.());

describeWith([openssl], 'openThreads', () => {
  const packets = new Uint8Array(new ArrayBuffer(4096));

  it('makes what the threads share, for the given number of threads', async () => {
    expect((await openThreads(3, packets))?.most).toBe(3);
  });

  it('makes nothing for one thread, or without shared memory', async () => {
    expect(await openThreads(1, packets)).toBeUndefined();
    expect(await openThreads(4, undefined)).toBeUndefined();
  });
});
