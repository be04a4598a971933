/**
 * `runCipherThread`: the code of a thread that seals and opens messages for the packet loop, which
 * runs in another thread.
 *
 * @module
 */
import { readlinkSync } from 'node:fs';
import { koffi } from '@litz/sys';
import { libcrypto } from '../libcrypto.ts';
import { OpensslObjects } from '../openssl-objects.ts';
import { createParts } from '../cipher-parts.ts';
import { ENDED, RUNNING, TO_OPEN, type CipherThreadStart } from './cipher-threads.ts';
import {
  contextsOf,
  JobRing,
  KERNEL_THREADS,
  KIND,
  MEMORY_ADDRESS,
  MEMORY_LENGTH,
  slotOf,
} from './job-ring.ts';
import { OpenJob } from './open-job.ts';
import { SealJob } from './seal-job.ts';

/**
 * Does jobs until the packet loop ends. The packet loop makes the contexts with the keys, and
 * destroys them when no job is in progress.
 *
 * @throws {Error} OpenSSL failed, or is not available
 */
export function runCipherThread({ ring: memory, states, number }: CipherThreadStart): void {
  const ring = new JobRing(memory);
  const state = new Int32Array(states);
  const objects = new OpensslObjects(libcrypto());
  try {
    const address = ring.numbers[MEMORY_ADDRESS]!;
    const packets = new Uint8Array(koffi().view(address, ring.numbers[MEMORY_LENGTH]!));
    const parts = createParts(objects.crypto);
    const sealJob = new SealJob(parts, packets, address);
    const openJob = new OpenJob(parts, packets);
    objects.stopRecording();
    Atomics.store(ring.words, KERNEL_THREADS + number, kernelThread());
    Atomics.store(state, number, RUNNING);
    while (!ring.hasEnded) {
      const seen = ring.published;
      const index = nextJob(ring, number);
      if (index === -1) {
        ring.wait(seen);
        continue;
      }
      const job = ring.words[slotOf(index) + KIND] === TO_OPEN ? openJob : sealJob;
      job.run(ring.words, index, ring.numbers[contextsOf(index) + number]!);
      ring.finish(index);
    }
  } finally {
    objects.free();
    Atomics.store(state, number, ENDED);
  }
}

/**
 * Claims a job, and returns its index. If there is no job, it looks again and again until 0.1 ms
 * have passed, because in a stream the next job comes soon, and waking a thread takes more time
 * than a job. If there is still no job, it returns -1.
 */
function nextJob(ring: JobRing, number: number): number {
  const end = performance.now() + LOOK_MS;
  do {
    for (let i = 0; i < LOOKS; i++) {
      const index = ring.claimNext(number);
      if (index !== -1) return index;
    }
  } while (performance.now() < end && !ring.hasEnded);
  return -1;
}

/** Returns the id that the kernel has given to this thread. */
function kernelThread(): number {
  return Number(readlinkSync('/proc/thread-self').split('/').at(-1));
}

const LOOK_MS = 0.1;
const LOOKS = 100;
