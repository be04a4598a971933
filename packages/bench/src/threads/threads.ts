/**
 * `measureThreads`: measures how much faster two threads seal than one. Sealing is a part of the
 * work for a packet, and threads can share it. The figures include the cost of sharing a batch.
 *
 * @module
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { nobleProvider, type Cipher } from '@litz/core';
import { createOpensslProvider } from '@litz/openssl';
import type { Measurement } from '../results/result.ts';
import { median } from '../results/statistics.ts';
import { checkEqual } from '../suites/case.ts';
import { SharedBatch } from './shared-batch.ts';

export interface ThreadsSettings {
  /** The numbers of threads to measure. */
  threads: readonly number[];
  /** The sizes of batches to measure, in messages. 45 messages are a super-packet of 64 KiB. */
  batches: readonly number[];
  rounds: number;
  /** The time of each measurement in a round, in ms. */
  ms: number;
}

/** The `workerData` of a thread. */
export interface SealThreadData {
  readonly memory: SharedArrayBuffer;
  readonly count: number;
  readonly key: Uint8Array;
  readonly length: number;
}

/** Measures every number of threads in each round. @throws {Error} (rejects) a message is wrong */
export async function measureThreads(
  { threads, batches, rounds, ms }: ThreadsSettings,
  progress: (text: string) => void,
): Promise<Measurement[]> {
  const measurements: Measurement[] = [];
  for (const count of batches) {
    const samples = threads.map((): number[] => []);
    for (let round = 0; round < rounds; round++) {
      for (const [i, number] of threads.entries()) {
        samples[i]!.push(await rateOf(number, count, ms));
      }
    }
    for (const [i, number] of threads.entries()) {
      const figure = `messages of ${LENGTH} B sealed, ${count} in a batch`;
      const subject = `${number} ${number === 1 ? 'thread' : 'threads'}`;
      const value = median(samples[i]!);
      const unit = '1/s';
      measurements.push({ figure, subject, unit, value, samples: samples[i]! });
      progress(`${figure}: ${subject}: ${value.toPrecision(4)} ${unit}`);
    }
  }
  return measurements;
}

/** Starts the threads, and returns how many messages per second they seal together. */
async function rateOf(threads: number, count: number, ms: number): Promise<number> {
  const batch = new SharedBatch(count);
  const provider = createOpensslProvider();
  const cipher = provider.createCipher(KEY);
  const workerData: SealThreadData = { memory: batch.memory, count, key: KEY, length: LENGTH };
  // This process may run TypeScript sources, with loaders and conditions. The threads run the built
  // code, so they do not get these options.
  const options = { workerData, execArgv: [], env: { ...process.env, NODE_OPTIONS: '' } };
  const helpers = Array.from({ length: threads - 1 }, () => new Worker(HELPER, options));
  const exits = helpers.map((helper) => once(helper, 'exit'));
  try {
    await Promise.all(helpers.map((helper) => once(helper, 'message')));
    check(batch, cipher, count);
    return measureRate(batch, cipher, count, ms);
  } finally {
    batch.end();
    await Promise.all(exits);
    cipher.destroy();
    provider.destroy?.();
  }
}

function measureRate(batch: SharedBatch, cipher: Cipher, count: number, ms: number): number {
  const start = performance.now();
  let messages = 0;
  let elapsed = 0;
  while (elapsed < ms) {
    for (let i = 0; i < BATCHES_PER_CHECK; i++) batch.seal(cipher, LENGTH);
    messages += BATCHES_PER_CHECK * count;
    elapsed = performance.now() - start;
  }
  return (messages / elapsed) * 1000;
}

/** Checks that all messages of a batch equal the messages of the reference. */
function check(batch: SharedBatch, cipher: Cipher, count: number): void {
  const reference = nobleProvider.createCipher(KEY);
  const expected = Array.from({ length: count }, (_, i) => {
    const message = new Uint8Array(LENGTH + TAG_LENGTH);
    message.set(batch.message(i, LENGTH));
    return message;
  });
  const counter = batch.seal(cipher, LENGTH);
  for (const [i, message] of expected.entries()) {
    reference.seal(counter + i, message, 0, LENGTH);
    checkEqual(`message ${i}`, batch.message(i, LENGTH + TAG_LENGTH), message);
  }
}

const KEY: Uint8Array = Uint8Array.from({ length: 32 }, (_, i) => i);
const LENGTH = 1424;
const TAG_LENGTH = 16;
/** How many batches are sealed between two checks of the clock. */
const BATCHES_PER_CHECK = 16;
/** The URL of the built file, because a thread of Node.js 20 cannot run a TypeScript source. */
const HELPER: URL = import.meta.url.endsWith('.ts')
  ? new URL('../../dist/threads/seal-thread.js', import.meta.url)
  : new URL('seal-thread.js', import.meta.url);
