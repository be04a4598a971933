/**
 * `openThreads`: makes what several threads share to seal packets. Nothing is started. `canShare`:
 * whether the provider uses it.
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

/**
 * Whether other threads can work. Only OpenSSL shares its work: with another provider they would
 * wait for ever.
 *
 * @param warnings gets a text if threads were asked for that would do nothing
 */
export function canShare(
  shared: CipherThreads | undefined,
  threads: number | 'auto',
  { provider, warnings }: { readonly provider: string; readonly warnings: string[] },
): shared is CipherThreads {
  if (shared?.isUsed) return true;
  if (threads !== 'auto' && threads > 1) {
    const reason = `packets of the crypto provider ${provider} cannot be shared`;
    warnings.push(`"threads" is ${threads}, and one thread is used: ${reason}`);
  }
  return false;
}

/** The packet loop reads, splits and sends alone. So more threads would have nothing to do. */
const MOST_BY_ITSELF = 4;
