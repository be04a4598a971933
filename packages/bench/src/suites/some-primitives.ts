/**
 * `SomePrimitives`: the functions of a crypto provider that are compared.
 *
 * @module
 */
import type { CryptoProvider } from '@litz/core';

/** Some of a provider's functions; a comparison may lack others. */
export type SomePrimitives = Partial<Omit<CryptoProvider, 'name'>>;
