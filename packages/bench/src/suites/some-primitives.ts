/**
 * `SomePrimitives`: what of a crypto provider is compared.
 *
 * @module
 */
import type { CryptoProvider } from '@litz/core';

/** Some of a provider's functions: a comparison need not have them all. */
export type SomePrimitives = Partial<Omit<CryptoProvider, 'name'>>;
