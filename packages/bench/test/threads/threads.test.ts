import { nobleProvider, type Cipher } from '@litz/core';
import { expect, test } from 'vitest';
import { SharedBatch } from '../../src/threads/shared-batch.ts';
import { measureThreads } from '../../src/threads/threads.ts';

test('each message of a batch is sealed once, with its own counter', () => {
  const counters: number[] = [];
  const cipher: Cipher = {
    ...nobleProvider.createCipher(new Uint8Array(32)),
    seal: (counter) => void counters.push(counter),
  };
  const batch = new SharedBatch(20);
  const first = batch.seal(cipher, 100);
  const second = batch.seal(cipher, 100);
  expect(second).toBeGreaterThanOrEqual(first + 20);
  const expected = [first, second].flatMap((from) =>
    Array.from({ length: 20 }, (_, i) => from + i),
  );
  expect(counters).toEqual(expected);
});

test('one thread and two threads write the bytes of the reference, and have a rate', async () => {
  const settings = { threads: [1, 2], batches: [45], rounds: 1, ms: 20 };
  const measured = await measureThreads(settings, () => {});
  expect(measured.map(({ subject }) => subject)).toEqual(['1 thread', '2 threads']);
  for (const { value } of measured) expect(value).toBeGreaterThan(0);
});
