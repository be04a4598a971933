/**
 * A case of a suite: an operation whose result is checked before it is timed.
 *
 * @module
 */

export interface Case {
  /** What is measured, for example 'AEAD seal, 1420 B'. */
  figure: string;
  /** The provider or implementation: 'noble', 'openssl', 'litz'. */
  subject: string;
  /** How many operations one `run` does. */
  operations: number;
  /** Compares the result with the reference. @throws {Error} it differs */
  check: () => void;
  /** Called before each `run`, and not timed. */
  prepare?: () => void;
  /** Does the operations. Only this is timed. */
  run: () => void;
}

/** A case that is not available on this machine. Its figure is n/a. */
export interface MissingCase {
  figure: string;
  subject: string;
  /** Why it is not available. */
  missing: string;
}

/** Compares bytes. @throws {Error} they differ; the message has `name` and the first difference */
export function checkEqual(name: string, got: Uint8Array, expected: Uint8Array): void {
  if (got.length !== expected.length) {
    throw new Error(`${name}: expected ${expected.length} bytes, got ${got.length}`);
  }
  const at = got.findIndex((byte, i) => byte !== expected[i]);
  if (at !== -1) throw new Error(`${name}: another result from byte ${at} on`);
}

/** @throws {Error} the condition is false; the message has `name` */
export function check(name: string, condition: boolean): void {
  if (!condition) throw new Error(`${name}: another result than the reference`);
}
