/**
 * `measureThreads`: what a second thread brings for sealing, the part of a packet's way that can be
 * shared, and what handing a batch over costs.
 *
 * @module
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { nobleProvider, type Cipher } from '@litz/core';
import { createOpensslProvider } from '@litz/openssl';
import type { Measurement } from '../results/result.ts';
import { median } from '../results/statistics.ts';
import { proveEqual } from '../suites/case.ts';
import { SharedBatch } from './shared-batch.ts';

export interface ThreadsSettings {
  /** How many threads seal together, each of these. */
  threads: readonly number[];
  /** Messages in a batch: 45 are a super-packet of 64 KiB. */
  batches: readonly number[];
  rounds: number;
  /** Of each in a round. */
  ms: number;
}

/** `workerData`. */
export interface SealThreadData {
  readonly memory: SharedArrayBuffer;
  readonly count: number;
  readonly key: Uint8Array;
  readonly length: number;
}

/** In each round every number of threads has its turn. @throws {Error} (rejects) a wrong message */
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

/** Messages per second. */
async function rateOf(threads: number, count: number, ms: number): Promise<number> {
  const batch = new SharedBatch(count);
  const provider = createOpensslProvider();
  const cipher = provider.createCipher(KEY);
  const workerData: SealThreadData = { memory: batch.memory, count, key: KEY, length: LENGTH };
  // Loaders and conditions of this process are for its sources; the threads run what is built.
  const options = { workerData, execArgv: [], env: { ...process.env, NODE_OPTIONS: '' } };
  const helpers = Array.from({ length: threads - 1 }, () => new Worker(HELPER, options));
  const exits = helpers.map((helper) => once(helper, 'exit'));
  try {
    await Promise.all(helpers.map((helper) => once(helper, 'message')));
    prove(batch, cipher, count);
    return timed(batch, cipher, count, ms);
  } finally {
    batch.end();
    await Promise.all(exits);
    cipher.destroy();
    provider.destroy?.();
  }
}

function timed(batch: SharedBatch, cipher: Cipher, count: number, ms: number): number {
  const begun = performance.now();
  let messages = 0;
  let passed = 0;
  while (passed < ms) {
    for (let i = 0; i < BETWEEN_LOOKS; i++) batch.seal(cipher, LENGTH);
    messages += BETWEEN_LOOKS * count;
    passed = performance.now() - begun;
  }
  return (messages / passed) * 1000;
}

/** All messages of a batch are what the reference makes of them. */
function prove(batch: SharedBatch, cipher: Cipher, count: number): void {
  const reference = nobleProvider.createCipher(KEY);
  const expected = Array.from({ length: count }, (_, i) => {
    const message = new Uint8Array(LENGTH + TAG_LENGTH);
    message.set(batch.message(i, LENGTH));
    return message;
  });
  const counter = batch.seal(cipher, LENGTH);
  for (const [i, message] of expected.entries()) {
    reference.seal(counter + i, message, 0, LENGTH);
    proveEqual(`message ${i}`, batch.message(i, LENGTH + TAG_LENGTH), message);
  }
}

const KEY: Uint8Array = Uint8Array.from({ length: 32 }, (_, i) => i);
const LENGTH = 1424;
const TAG_LENGTH = 16;
const BETWEEN_LOOKS = 16;
/** Built, as no thread can load a source without a loader. */
const HELPER: URL = import.meta.url.endsWith('.ts')
  ? new URL('../../dist/threads/seal-thread.js', import.meta.url)
  : new URL('seal-thread.js', import.meta.url);
