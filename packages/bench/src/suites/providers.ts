/**
 * `loadProviders`: loads the crypto providers that are compared. A provider that is not available
 * is listed with the reason.
 *
 * @module
 */
import { nobleProvider, type CryptoProvider } from '@litz/core';
import { nodeCrypto } from './node-crypto.ts';
import type { SomePrimitives } from './some-primitives.ts';

export interface Candidate {
  readonly name: string;
  /** The primitives. They are undefined if they are not available; `missing` says why. */
  readonly primitives: SomePrimitives | undefined;
  /** The whole provider, if an engine can use it. */
  readonly provider?: CryptoProvider;
  /**
   * The memory in which the provider encrypts in place. Undefined: the provider can use any memory.
   */
  readonly memory?: Uint8Array;
  readonly missing?: string;
}

/** The providers, in the order of the results. */
export const PROVIDER_NAMES = ['noble', 'node:crypto', 'wasm', 'openssl', 'auto'] as const;
export type ProviderName = (typeof PROVIDER_NAMES)[number];

/** Loads the named providers. Default: all. */
export async function loadProviders(
  names: readonly ProviderName[] = PROVIDER_NAMES,
): Promise<Candidate[]> {
  const included: Candidate[] = [
    { name: 'noble', primitives: nobleProvider, provider: nobleProvider },
    { name: 'node:crypto', primitives: nodeCrypto },
  ];
  const isNamed = ({ name }: { name: string }): boolean => names.some((other) => other === name);
  const optional = OPTIONAL.filter(isNamed).map(loadOptional);
  return [...included.filter(isNamed), ...(await Promise.all(optional))];
}

async function loadOptional({ name, load }: (typeof OPTIONAL)[number]): Promise<Candidate> {
  try {
    const { provider, memory } = await load();
    return { name, primitives: provider, provider, ...(memory && { memory }) };
  } catch (error) {
    return { name, primitives: undefined, missing: (error as Error).message };
  }
}

/** Providers whose modules are imported only when they are needed. */
const OPTIONAL: readonly {
  name: ProviderName;
  load: () => Promise<{ provider: CryptoProvider; memory?: Uint8Array }>;
}[] = [
  {
    name: 'wasm',
    async load() {
      const { wasmProvider, WasmArena } = await import('@litz/wasm');
      const arena = WasmArena.createSync({ length: ARENA_LENGTH });
      return { provider: wasmProvider(arena), memory: arena.allocate(SLOTS_LENGTH) };
    },
  },
  {
    name: 'openssl',
    async load() {
      const { createOpensslProvider } = await import('@litz/openssl');
      return { provider: createOpensslProvider() };
    },
  },
  {
    // The provider that a device chooses itself.
    name: 'auto',
    async load() {
      const [{ WasmArena }, { selectProvider }] = await Promise.all([
        import('@litz/wasm'),
        import('@litz/device'),
      ]);
      const arena = WasmArena.createSync({ length: ARENA_LENGTH });
      const { provider } = await selectProvider({ forced: '', arena });
      return { provider, memory: arena.allocate(SLOTS_LENGTH) };
    },
  },
];

const SLOTS_LENGTH: number = 1 << 20;
const ARENA_LENGTH: number = SLOTS_LENGTH + 64;
