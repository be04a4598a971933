/**
 * `selectProvider`: which crypto provider a device uses where no other was asked for.
 *
 * Costs are known from `pnpm bench` rather than measured at the start of every device: a measurement
 * of a millisecond on a busy machine chooses by chance, and a longer one delays every start.
 *
 * @module
 */
import { nobleProvider, WireGuardError, type CryptoProvider } from '@litz/core';
import { checkObject, quote } from '@litz/core/internals';
import type { WasmArena } from '@litz/wasm';
import { hybridProvider } from './hybrid-provider.ts';

export type ProviderName = 'openssl' | 'wasm' | 'noble';

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
  /** What it is good at, among those that are there. */
  readonly merit: string;
  /** Why it cannot be here; undefined if it is worth trying. */
  absence(): string | undefined;
  /** Throws or rejects if it cannot be had. @param arena where the packets are, if in WebAssembly */
  load(arena: WasmArena | undefined): Promise<CryptoProvider>;
}

export interface SelectOptions {
  /** Default: the environment's `LITZ_CRYPTO`; empty is nothing. */
  readonly forced?: string | undefined;
  /** Memory that packets stand in, so that WebAssembly need not copy them. */
  readonly arena?: WasmArena | undefined;
  /** Best first, the last one always there. */
  readonly candidates?: readonly ProviderCandidate[];
}

/**
 * The fastest that is there, for each length of packet, or the one that `forced` names. What cannot be
 * loaded is no error: the next one is taken, with a warning.
 *
 * @throws {WireGuardError} (rejects) `ERR_LITZ_INVALID_CONFIG`: `forced` is no provider's name
 */
export async function selectProvider(options: SelectOptions = {}): Promise<ProviderChoice> {
  checkObject(options, 'options', ['forced', 'arena', 'candidates']);
  const { forced = process.env['LITZ_CRYPTO'], arena, candidates = CANDIDATES } = options;
  const ordered = inOrder(candidates, forced);
  const misses: Miss[] = [];
  for (const [i, candidate] of ordered.entries()) {
    const provider = await tryToLoad(candidate, arena, candidate.name === forced, misses);
    if (!provider) continue;
    const warnings = misses.filter(({ isExpected }) => !isExpected).map(warning(candidate));
    if (candidate.name === forced) {
      return { provider, reason: 'asked for by LITZ_CRYPTO', warnings };
    }
    const reason = [candidate.merit, ...misses.map(missText)].join('; ');
    if (candidate.name !== 'openssl' || forced) return { provider, reason, warnings };
    return withWasmForShortOnes({ provider, reason, warnings }, ordered.slice(i + 1), arena);
  }
  throw new Error('no crypto provider could be loaded');
}

/** Four calls into OpenSSL cost more than a short packet does in WebAssembly. */
async function withWasmForShortOnes(
  choice: ProviderChoice,
  others: readonly ProviderCandidate[],
  arena: WasmArena | undefined,
): Promise<ProviderChoice> {
  const wasm = others.find(({ name }) => name === 'wasm');
  const misses: Miss[] = [];
  const short = wasm && (await tryToLoad(wasm, arena, false, misses));
  if (!short) {
    const warnings = misses.map(
      (miss) => `the crypto provider wasm cannot be used beside openssl: ${miss.reason}`,
    );
    return { ...choice, warnings: [...choice.warnings, ...warnings] };
  }
  const provider = hybridProvider(choice.provider, short, SHORT_LENGTH);
  const reason = `${choice.reason}, and wasm for those of up to ${SHORT_LENGTH} bytes`;
  return { ...choice, provider, reason };
}

interface Miss {
  readonly candidate: ProviderCandidate;
  readonly reason: string;
  /** Absent by what this runtime is; otherwise it should have worked. */
  readonly isExpected: boolean;
}

async function tryToLoad(
  candidate: ProviderCandidate,
  arena: WasmArena | undefined,
  isForced: boolean,
  misses: Miss[],
): Promise<CryptoProvider | undefined> {
  const absence = candidate.absence();
  if (absence !== undefined) {
    misses.push({ candidate, reason: absence, isExpected: !isForced });
    return undefined;
  }
  try {
    return await candidate.load(arena);
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
      if (platform !== 'linux') return `${platform} has no system calls from here`;
      if (arch !== 'x64' && arch !== 'arm64') return `${arch} has no system calls from here`;
      if (process.versions.openssl === undefined || process.versions['bun'] !== undefined) {
        return 'this runtime is not built with OpenSSL';
      }
      return process.versions['electron'] === undefined ? undefined : 'Electron has BoringSSL';
    },
    async load() {
      const { createOpensslProvider } = await import('@litz/openssl');
      return createOpensslProvider();
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
    merit: 'JavaScript, which is everywhere',
    absence: () => undefined,
    load: () => Promise.resolve(nobleProvider),
  },
];

/** What two rounds of four blocks of ChaCha20 hold besides the one-time key; then OpenSSL is faster. */
const SHORT_LENGTH = 448;
