/**
 * `Check`: the function with which the parts of a conformance suite define their tests.
 *
 * @module
 */
import type { CryptoProvider } from '@litz/core';

/** Defines a test. A test that the options of the suite list is reported as skipped. */
export type Check = (name: string, run: (provider: CryptoProvider) => void) => void;
