/**
 * `openThreads`: makes the object that several threads share to seal and open packets. It starts no
 * thread. `canShare` returns whether the crypto provider uses that object.
 *
 * @module
 */
import { availableParallelism } from 'node:os';
import type { CipherThreads } from '@litz/openssl';

/**
 * Returns the object, or undefined if the packet loop should work alone.
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

/**
 * Whether other threads get work. Only OpenSSL shares its work. With another provider, the threads
 * would wait forever.
 *
 * @param warnings gets a text if the option asked for threads that would do nothing
 */
export function canShare(
  shared: CipherThreads | undefined,
  threads: number | 'auto',
  { provider, warnings }: { readonly provider: string; readonly warnings: string[] },
): shared is CipherThreads {
  if (shared?.isUsed) return true;
  if (threads !== 'auto' && threads > 1) {
    const reason = `the crypto provider ${provider} cannot share its work`;
    warnings.push(`"threads" is ${threads}, but one thread is used: ${reason}`);
  }
  return false;
}

/**
 * The largest number of threads that 'auto' uses, including the thread of the packet loop. That
 * thread reads, splits and sends alone, so more threads would have nothing to do.
 */
const MOST_BY_ITSELF = 4;
