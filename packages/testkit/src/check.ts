/**
 * `Check`: how the parts of a conformance suite say what they test.
 *
 * @module
 */
import type { CryptoProvider } from '@litz/core';

/** Defines a test, or a skipped one. */
export type Check = (name: string, run: (provider: CryptoProvider) => void) => void;
