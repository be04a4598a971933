/**
 * A thread that helps the packet loop of a device to seal and open packets. `CipherWorkers` starts
 * it. Nothing is exported.
 *
 * @module
 */
import { workerData } from 'node:worker_threads';
import type { CipherThreadStart } from '@litz/openssl';

const { runCipherThread } = await import('@litz/openssl');
runCipherThread(workerData as CipherThreadStart);
