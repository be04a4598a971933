import { nobleProvider } from '@litz/core';
import { addressOf } from '@litz/sys';
import { describeWith, requirement } from '@litz/testkit';
import { expect, it } from 'vitest';
import { createOpensslProvider } from '../../src/index.ts';
import { libcrypto } from '../../src/libcrypto.ts';
import { createParts } from '../../src/cipher-parts.ts';
import { COUNT, JobRing, LENGTH, OFFSET, slotOf, STRIDE } from '../../src/threads/job-ring.ts';
import { SealJob } from '../../src/threads/seal-job.ts';

const openssl = requirement("Node's own OpenSSL", () => createOpensslProvider().destroy?.());
const KEY = new Uint8Array(32).fill(3);
const LENGTH_OF_TEXT = 100;

describeWith([openssl], 'SealJob', () => {
  it('continues a message that another thread has encrypted but not authenticated', () => {
    const memory = new Uint8Array(new ArrayBuffer(4096));
    const parts = createParts(libcrypto());
    const key = parts.chacha20.createKey(KEY);
    const ring = new JobRing();
    const slot = slotOf(0);
    ring.words.set([64], slot + OFFSET);
    ring.words.set([LENGTH_OF_TEXT], slot + LENGTH);
    ring.words.set([512], slot + STRIDE);
    ring.words.set([2], slot + COUNT);
    memory.fill(7, 64, 64 + LENGTH_OF_TEXT).fill(8, 576, 576 + LENGTH_OF_TEXT);
    // Does the work of a thread that ends after it has encrypted the first message.
    const front = addressOf(memory);
    parts.chacha20.begin(key, 0, 0);
    parts.chacha20.crypt(key, front, front, 64 + 128);
    new SealJob(parts, memory, front).run(ring.words, 0, key);
    const reference = nobleProvider.createCipher(KEY);
    for (const [counter, at, text] of [
      [0, 64, 7],
      [1, 576, 8],
    ] as const) {
      expect(reference.open(counter, memory, at, LENGTH_OF_TEXT)).toBe(true);
      expect(memory.subarray(at, at + LENGTH_OF_TEXT).every((byte) => byte === text)).toBe(true);
    }
    parts.chacha20.destroyKey(key);
  });
});
