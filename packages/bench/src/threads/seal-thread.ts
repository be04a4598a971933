/**
 * The program of a thread that helps to seal. It exports nothing.
 *
 * @module
 */
import { parentPort, workerData } from 'node:worker_threads';
import { createOpensslProvider } from '@litz/openssl';
import { SharedBatch } from './shared-batch.ts';
import type { SealThreadData } from './threads.ts';

const { memory, count, key, length } = workerData as SealThreadData;
const provider = createOpensslProvider();
const cipher = provider.createCipher(key);
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- no window
parentPort?.postMessage('ready');
new SharedBatch(count, memory).help(cipher, length);
cipher.destroy();
provider.destroy?.();
