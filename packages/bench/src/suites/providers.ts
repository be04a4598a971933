/**
 * `loadProviders`: the crypto providers to be held side by side, those that are not here too.
 *
 * @module
 */
import { nobleProvider, type CryptoProvider } from '@litz/core';
import { nodeCrypto } from './node-crypto.ts';

/** Some of a provider's functions: a comparison need not have them all. */
export type SomePrimitives = Partial<Omit<CryptoProvider, 'name'>>;

export interface Candidate {
  readonly name: string;
  /** undefined: it is not here, and `missing` says why. */
  readonly primitives: SomePrimitives | undefined;
  /** All of it, if it can run an engine. */
  readonly provider?: CryptoProvider;
  readonly missing?: string;
}

/** noble is first: it is the reference. */
export async function loadProviders(): Promise<Candidate[]> {
  return [
    { name: 'noble', primitives: nobleProvider, provider: nobleProvider },
    { name: 'node:crypto', primitives: nodeCrypto },
    ...(await Promise.all(OPTIONAL.map(loadOptional))),
  ];
}

async function loadOptional({ name, load }: (typeof OPTIONAL)[number]): Promise<Candidate> {
  try {
    const provider = await load();
    return { name, primitives: provider, provider };
  } catch (error) {
    return { name, primitives: undefined, missing: (error as Error).message };
  }
}

/** By the module that has it, imported when it is asked for. */
const OPTIONAL: readonly { name: string; load: () => Promise<CryptoProvider> }[] = [
  { name: 'wasm', load: () => Promise.reject(new Error('not there yet')) },
  { name: 'openssl', load: () => Promise.reject(new Error('not there yet')) },
];
