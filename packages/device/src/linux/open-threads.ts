/**
 * `openThreads`: makes what several threads share to seal packets. Nothing is started.
 *
 * @module
 */
import { availableParallelism } from 'node:os';
import type { CipherThreads } from '@litz/openssl';

/**
 * Returns undefined if the packet loop should work alone.
 *
 * @param threads the option of the device
 * @param packets the memory of the packets
 */
export async function openThreads(
  threads: number | 'auto',
  packets: Uint8Array | undefined,
): Promise<CipherThreads | undefined> {
  const most = threads === 'auto' ? Math.min(availableParallelism(), MOST_BY_ITSELF) : threads;
  if (most === 1 || packets === undefined) return undefined;
  const { CipherThreads } = await import('@litz/openssl');
  return new CipherThreads(most, packets);
}

/** The packet loop reads, splits and sends alone. So more threads would have nothing to do. */
const MOST_BY_ITSELF = 4;
