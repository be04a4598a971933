/**
 * The crypto provider of a device: its own, or the one that is selected.
 *
 * @module
 */
import { type CryptoProvider } from '@litz/core';
import { quote } from '@litz/core/internals';
import type { ByteOperations } from '@litz/tun/offload';
import type { WasmArena } from '@litz/wasm';
import { isCryptoModule, type CryptoModule } from '../options.ts';
import { selectProvider, type ProviderChoice } from './select-provider.ts';

export interface LoadedProvider extends ProviderChoice {
  /** To be called in the end: gives the provider back, if it was made here and not given to us. */
  readonly release: () => void;
}

/** @throws {TypeError} (rejects) the module has no such export */
export async function loadProvider(
  crypto: CryptoProvider | CryptoModule | undefined,
  arena: WasmArena | undefined,
): Promise<LoadedProvider> {
  if (!crypto) {
    const choice = await selectProvider({ arena });
    return { ...choice, release: () => choice.provider.destroy?.() };
  }
  const provider = isCryptoModule(crypto) ? await importProvider(crypto) : crypto;
  return { provider, reason: 'asked for by the option "crypto"', warnings: [], release: () => {} };
}

/** Memory for packets that WebAssembly works on in place. */
export interface PacketArena {
  readonly arena: WasmArena;
  /** On all of the memory. */
  readonly bytes: ByteOperations;
}

/** @returns undefined where there is no WebAssembly */
export async function openArena(length: number): Promise<PacketArena | undefined> {
  try {
    const { createWasmByteOperations, WasmArena } = await import('@litz/wasm');
    const arena = WasmArena.createSync({ length: length + ARENA_ALIGNMENT });
    return { arena, bytes: createWasmByteOperations(arena, arena.allocate(length)) };
  } catch {
    // An engine without it, or a memory that cannot be had: it goes without.
    return undefined;
  }
}

async function importProvider({ module, export: name = 'default' }: CryptoModule) {
  const exports = (await import(module)) as Record<string, CryptoProvider | undefined>;
  const provider = exports[name];
  if (provider) return provider;
  throw new TypeError(`"crypto" expected the module ${module} to export ${quote(name)}`);
}

const ARENA_ALIGNMENT = 64;
