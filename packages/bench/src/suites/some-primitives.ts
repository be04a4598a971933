/**
 * `SomePrimitives`: those functions of a crypto provider that a benchmark compares.
 *
 * @module
 */
import type { CryptoProvider } from '@litz/core';

/** Some functions of a provider. Any of them can be missing. */
export type SomePrimitives = Partial<Omit<CryptoProvider, 'name'>>;
