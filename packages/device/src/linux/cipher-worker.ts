/**
 * A thread that seals and opens together with the packet loop of a device, started by
 * `CipherWorkers`. Nothing is exported.
 *
 * @module
 */
import { workerData } from 'node:worker_threads';
import type { CipherThreadStart } from '@litz/openssl';

const { runCipherThread } = await import('@litz/openssl');
runCipherThread(workerData as CipherThreadStart);
