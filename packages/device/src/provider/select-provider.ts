/**
 * `selectProvider`: chooses the crypto provider of a device that was made without the option
 * `crypto`.
 *
 * The order of the providers is fixed. It follows figures of `pnpm bench`. Nothing is measured when
 * a device starts: on a busy machine, a measurement of one millisecond would choose by chance, and
 * a longer one would delay every start.
 *
 * @module
 */
import { nobleProvider, WireGuardError, type CryptoProvider } from '@litz/core';
import { checkObject, quote } from '@litz/core/internals';
import type { CipherThreads } from '@litz/openssl';
import type { WasmArena } from '@litz/wasm';
import { hybridProvider } from './hybrid-provider.ts';

/** The providers that `LITZ_CRYPTO` can name. */
export type ProviderName = 'openssl' | 'wasm' | 'noble';

/** The result of `selectProvider`. */
export interface ProviderChoice {
  /** Belongs to the caller, who calls its `destroy` at the end. */
  readonly provider: CryptoProvider;
  /** Why this provider was chosen; for logs. */
  readonly reason: string;
  /** Providers that should have worked but did not, and what is used instead. */
  readonly warnings: readonly string[];
}

/** A provider that can be chosen. */
export interface ProviderCandidate {
  readonly name: ProviderName;
  /** Why this provider is preferred to the ones after it; for logs. */
  readonly merit: string;
  /** Returns why this runtime never has the provider; undefined if it may have it. */
  absence(): string | undefined;
  /**
   * Loads the provider, or throws or rejects.
   *
   * @param arena the memory of packets, if it is WebAssembly memory
   * @param threads that help the calling thread to seal and open
   */
  load(arena: WasmArena | undefined, threads?: CipherThreads): Promise<CryptoProvider>;
}

/** Options of `selectProvider`. */
export interface SelectOptions {
  /**
   * The name of the provider to use. Default: the environment variable `LITZ_CRYPTO`. An empty
   * string means that no provider is forced.
   */
  readonly forced?: string | undefined;
  /** Memory that holds the packets, so that WebAssembly need not copy them. */
  readonly arena?: WasmArena | undefined;
  /** Threads that help the calling thread to seal and open, if the provider shares work. */
  readonly threads?: CipherThreads | undefined;
  /** In order of preference. The last one must always be available. */
  readonly candidates?: readonly ProviderCandidate[];
}

/**
 * Returns the provider that `forced` names. Without `forced`, it returns the fastest available
 * provider, or a combination of two, if one is faster with long packets and the other with short
 * ones. It is not an error if a provider cannot be loaded: the next one is used. If the provider
 * should have worked, there is a warning.
 *
 * @throws {WireGuardError} (rejects) `ERR_LITZ_INVALID_CONFIG`: `forced` is not the name of a
 *   provider
 *
 * @example
 *
 * ```ts
 * import { selectProvider } from '@litz/device';
 *
 * const { provider, reason } = await selectProvider();
 * console.log(provider.name, reason);
 * provider.destroy?.();
 * ```
 */
export async function selectProvider(options: SelectOptions = {}): Promise<ProviderChoice> {
  checkObject(options, 'options', ['forced', 'arena', 'threads', 'candidates']);
  const { forced = process.env['LITZ_CRYPTO'], candidates = CANDIDATES } = options;
  const ordered = inOrder(candidates, forced);
  const misses: Miss[] = [];
  for (const [i, candidate] of ordered.entries()) {
    const provider = await tryToLoad(candidate, options, candidate.name === forced, misses);
    if (!provider) continue;
    const warnings = misses.filter(({ isExpected }) => !isExpected).map(warning(candidate));
    if (candidate.name === forced) {
      return { provider, reason: 'requested by LITZ_CRYPTO', warnings };
    }
    const reason = [candidate.merit, ...misses.map(missText)].join('; ');
    if (candidate.name !== 'openssl' || forced) return { provider, reason, warnings };
    return withWasmForShortOnes({ provider, reason, warnings }, ordered.slice(i + 1), options);
  }
  throw new Error('no crypto provider could be loaded');
}

/**
 * Adds WebAssembly for short packets. For these, the calls into OpenSSL cost more than the whole
 * work in WebAssembly.
 */
async function withWasmForShortOnes(
  choice: ProviderChoice,
  others: readonly ProviderCandidate[],
  { arena }: SelectOptions,
): Promise<ProviderChoice> {
  const wasm = others.find(({ name }) => name === 'wasm');
  const misses: Miss[] = [];
  const short = wasm && (await tryToLoad(wasm, { arena }, false, misses));
  if (!short) {
    const warnings = misses.map(
      (miss) => `the crypto provider wasm cannot be used beside openssl: ${miss.reason}`,
    );
    return { ...choice, warnings: [...choice.warnings, ...warnings] };
  }
  const provider = hybridProvider(choice.provider, short, SHORT_LENGTH);
  const reason = `${choice.reason}, and wasm for packets of up to ${SHORT_LENGTH} bytes`;
  return { ...choice, provider, reason };
}

interface Miss {
  readonly candidate: ProviderCandidate;
  readonly reason: string;
  /**
   * True if this kind of runtime never has the provider, and the provider is not forced. If false,
   * there is a warning.
   */
  readonly isExpected: boolean;
}

async function tryToLoad(
  candidate: ProviderCandidate,
  { arena, threads }: SelectOptions,
  isForced: boolean,
  misses: Miss[],
): Promise<CryptoProvider | undefined> {
  const absence = candidate.absence();
  if (absence !== undefined) {
    misses.push({ candidate, reason: absence, isExpected: !isForced });
    return undefined;
  }
  try {
    return await candidate.load(arena, threads);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    misses.push({ candidate, reason, isExpected: false });
    return undefined;
  }
}

function inOrder(
  candidates: readonly ProviderCandidate[],
  forced: string | undefined,
): readonly ProviderCandidate[] {
  if (!forced) return candidates;
  const first = candidates.find(({ name }) => name === forced);
  if (first) return [first, ...candidates.filter((candidate) => candidate !== first)];
  const names = candidates.map(({ name }) => name).join(', ');
  const text = `"LITZ_CRYPTO" expected one of ${names}, got ${quote(forced)}`;
  throw new WireGuardError('ERR_LITZ_INVALID_CONFIG', text);
}

function missText({ candidate, reason }: Miss): string {
  return `no ${candidate.name}: ${reason}`;
}

function warning(fallback: ProviderCandidate): (miss: Miss) => string {
  return ({ candidate, reason }) =>
    `the crypto provider ${candidate.name} cannot be used, ${fallback.name} is used instead: ${reason}`;
}

const CANDIDATES: readonly ProviderCandidate[] = [
  {
    name: 'openssl',
    merit: 'the fastest for full packets',
    absence() {
      const { platform, arch } = process;
      if (platform !== 'linux') return `Litz makes no system calls on ${platform}`;
      if (arch !== 'x64' && arch !== 'arm64') return `Litz makes no system calls on ${arch}`;
      if (process.versions.openssl === undefined || process.versions['bun'] !== undefined) {
        return 'this runtime is not built with OpenSSL';
      }
      return process.versions['electron'] === undefined ? undefined : 'Electron has BoringSSL';
    },
    async load(_arena, threads) {
      const { createOpensslProvider } = await import('@litz/openssl');
      return createOpensslProvider(threads);
    },
  },
  {
    name: 'wasm',
    merit: 'the fastest without native code',
    absence: () => undefined,
    async load(arena) {
      const { wasmProvider } = await import('@litz/wasm');
      return wasmProvider(arena);
    },
  },
  {
    name: 'noble',
    merit: 'JavaScript, which runs everywhere',
    absence: () => undefined,
    load: () => Promise.resolve(nobleProvider),
  },
];

/**
 * Longest message in bytes for WebAssembly: two rounds of four ChaCha20 blocks, minus the block
 * with the one-time key. OpenSSL is faster with longer messages.
 */
const SHORT_LENGTH = 448;
