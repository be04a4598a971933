/**
 * A thread that seals together with the packet loop of a device, started by `LinuxDriver`. Nothing
 * is exported.
 *
 * @module
 */
import { workerData } from 'node:worker_threads';
import { runCipherThread, type CipherThreadStart } from '@litz/openssl';

runCipherThread(workerData as CipherThreadStart);
