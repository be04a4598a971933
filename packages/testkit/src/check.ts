/**
 * `Check`: the function with which the parts of a conformance suite define their tests.
 *
 * @module
 */
import type { CryptoProvider } from '@litz/core';

/** Defines a test. If `ConformanceOptions.skip` names the test, it is reported as skipped. */
export type Check = (name: string, run: (provider: CryptoProvider) => void) => void;
