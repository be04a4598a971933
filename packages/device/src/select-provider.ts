/**
 * `selectProvider`: which crypto provider a device uses where no other was asked for.
 *
 * Costs are known from `pnpm bench` rather than measured at the start of every device: a measurement
 * of a millisecond on a busy machine chooses by chance, and a longer one delays every start.
 *
 * @module
 */
import { nobleProvider, WireGuardError, type CryptoProvider } from '@litz/core';

export type ProviderName = 'openssl' | 'noble';

export interface ProviderChoice {
  readonly provider: CryptoProvider;
  /** Why this one: for logs. */
  readonly reason: string;
  /** What should have worked and did not, and what is used instead. */
  readonly warnings: readonly string[];
}

/** One that may be chosen. */
export interface ProviderCandidate {
  readonly name: ProviderName;
  /** Why it is the best of those that are there. */
  readonly merit: string;
  /** Why it cannot be here; undefined if it is worth trying. */
  absence(): string | undefined;
  /** Throws or rejects if it cannot be had. */
  load(): Promise<CryptoProvider>;
}

/**
 * The fastest that is there, or the one that `forced` names. What cannot be loaded is no error: the
 * next one is taken, with a warning.
 *
 * @param forced default: the environment's `LITZ_CRYPTO`; empty is nothing
 * @param candidates best first, the last one always there
 * @throws {WireGuardError} (rejects) `ERR_LITZ_INVALID_CONFIG`: `forced` is no provider's name
 */
export async function selectProvider(
  forced: string | undefined = process.env['LITZ_CRYPTO'],
  candidates: readonly ProviderCandidate[] = CANDIDATES,
): Promise<ProviderChoice> {
  const misses: Miss[] = [];
  for (const candidate of inOrder(candidates, forced)) {
    const isForced = candidate.name === forced;
    const absence = candidate.absence();
    if (absence !== undefined) {
      misses.push({ candidate, reason: absence, isExpected: !isForced });
      continue;
    }
    try {
      const provider = await candidate.load();
      return {
        provider,
        reason: isForced ? 'asked for by LITZ_CRYPTO' : reasonFor(candidate, misses),
        warnings: misses.filter(({ isExpected }) => !isExpected).map(warning(candidate)),
      };
    } catch (error) {
      misses.push({ candidate, reason: messageOf(error), isExpected: false });
    }
  }
  throw new Error('no crypto provider could be loaded');
}

interface Miss {
  readonly candidate: ProviderCandidate;
  readonly reason: string;
  /** Absent by what this runtime is; otherwise it should have worked. */
  readonly isExpected: boolean;
}

function inOrder(
  candidates: readonly ProviderCandidate[],
  forced: string | undefined,
): readonly ProviderCandidate[] {
  if (!forced) return candidates;
  const first = candidates.find(({ name }) => name === forced);
  if (first) return [first, ...candidates.filter((candidate) => candidate !== first)];
  const names = candidates.map(({ name }) => name).join(', ');
  const text = `"LITZ_CRYPTO" expected one of ${names}, got ${JSON.stringify(forced)}`;
  throw new WireGuardError('ERR_LITZ_INVALID_CONFIG', text);
}

function reasonFor({ merit }: ProviderCandidate, misses: readonly Miss[]): string {
  const without = misses.map(({ candidate, reason }) => `no ${candidate.name}: ${reason}`);
  return [merit, ...without].join('; ');
}

function warning(fallback: ProviderCandidate): (miss: Miss) => string {
  return ({ candidate, reason }) =>
    `the crypto provider ${candidate.name} cannot be used, ${fallback.name} is used instead: ${reason}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const CANDIDATES: readonly ProviderCandidate[] = [
  {
    name: 'openssl',
    merit: 'the fastest for full packets',
    absence() {
      if (process.platform !== 'linux') return `${process.platform} has no system calls from here`;
      if (process.versions.openssl === undefined || process.versions['bun'] !== undefined) {
        return 'this runtime is not built with OpenSSL';
      }
      return process.versions['electron'] === undefined ? undefined : 'Electron has BoringSSL';
    },
    async load() {
      const { createOpensslProvider } = await import('@litz/sys/openssl');
      return createOpensslProvider();
    },
  },
  {
    name: 'noble',
    merit: 'JavaScript, which is everywhere',
    absence: () => undefined,
    load: () => Promise.resolve(nobleProvider),
  },
];
