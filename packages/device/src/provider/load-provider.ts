/**
 * `loadProvider`: the crypto provider of a device, either the one from the options or one that
 * `selectProvider` chooses.
 *
 * @module
 */
import { type CryptoProvider } from '@litz/core';
import { quote } from '@litz/core/internals';
import type { ByteOperations } from '@litz/tun/offload';
import type { CipherThreads } from '@litz/openssl';
import type { WasmArena } from '@litz/wasm';
import { isCryptoModule, type CryptoModule } from '../options.ts';
import { selectProvider, type ProviderChoice } from './select-provider.ts';

export interface LoadedProvider extends ProviderChoice {
  /**
   * Must be called at the end. Destroys the provider if it was selected here; a provider from the
   * option `crypto` stays as it is.
   */
  readonly release: () => void;
}

/**
 * Loads a provider.
 *
 * @param threads that help the calling thread to seal and open, if the provider can share work
 * @throws {TypeError} (rejects) the module has no such export
 */
export async function loadProvider(
  crypto: CryptoProvider | CryptoModule | undefined,
  arena: WasmArena | undefined,
  threads?: CipherThreads,
): Promise<LoadedProvider> {
  if (!crypto) {
    const choice = await selectProvider({ arena, threads });
    return { ...choice, release: () => choice.provider.destroy?.() };
  }
  const provider = isCryptoModule(crypto) ? await importProvider(crypto) : crypto;
  return { provider, reason: 'requested by the option "crypto"', warnings: [], release: () => {} };
}

/** Memory for packets that WebAssembly can work on in place. */
export interface PacketArena {
  readonly arena: WasmArena;
  /** Copy and checksum operations on the whole memory. */
  readonly bytes: ByteOperations;
}

/** Makes memory for packets. @returns undefined if there is no WebAssembly or not enough memory */
export async function openArena(length: number): Promise<PacketArena | undefined> {
  try {
    const { createWasmByteOperations, WasmArena } = await import('@litz/wasm');
    const arena = WasmArena.createSync({ length: length + ARENA_ALIGNMENT });
    return { arena, bytes: createWasmByteOperations(arena, arena.allocate(length)) };
  } catch {
    // The runtime has no WebAssembly, or the memory could not be allocated. The device works
    // without this memory.
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
