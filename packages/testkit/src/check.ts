/**
 * `Check`: the function with which the parts of a conformance suite define their tests.
 *
 * @module
 */
import type { CryptoProvider } from '@litz/core';

/** Defines a test, or a skipped one. */
export type Check = (name: string, run: (provider: CryptoProvider) => void) => void;
