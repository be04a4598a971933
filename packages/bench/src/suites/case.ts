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
  prove: () => void;
  /** Called before each `run`, and not timed. */
  prepare?: () => void;
  run: () => void;
}

/** A case that is not available on this machine. Its figure is n/a. */
export interface MissingCase {
  figure: string;
  subject: string;
  missing: string;
}

/** @throws {Error} the bytes differ; the message has `name` and the place */
export function proveEqual(name: string, got: Uint8Array, expected: Uint8Array): void {
  if (got.length !== expected.length) {
    throw new Error(`${name}: expected ${expected.length} bytes, got ${got.length}`);
  }
  const at = got.findIndex((byte, i) => byte !== expected[i]);
  if (at !== -1) throw new Error(`${name}: another result from byte ${at} on`);
}

/** @throws {Error} the condition is false; the message has `name` */
export function prove(name: string, holds: boolean): void {
  if (!holds) throw new Error(`${name}: another result than the reference`);
}
