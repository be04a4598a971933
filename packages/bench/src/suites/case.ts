/**
 * A case of a suite: something with a result that can be proved right, then timed.
 *
 * @module
 */

export interface Case {
  /** What is measured: 'AEAD seal, 1420 B'. */
  figure: string;
  /** Of whom: 'noble', 'openssl', 'litz'. */
  subject: string;
  /** How many of what is measured one `run` does. */
  operations: number;
  /** Holds the result against the reference. @throws {Error} it is another one */
  prove: () => void;
  /** Before each `run`, not timed. */
  prepare?: () => void;
  run: () => void;
}

/** Not to be had here; the figure is given as n/a. */
export interface MissingCase {
  figure: string;
  subject: string;
  missing: string;
}

/** @throws {Error} `name` and where they differ, if they do */
export function proveEqual(name: string, got: Uint8Array, expected: Uint8Array): void {
  if (got.length !== expected.length) {
    throw new Error(`${name}: expected ${expected.length} bytes, got ${got.length}`);
  }
  const at = got.findIndex((byte, i) => byte !== expected[i]);
  if (at !== -1) throw new Error(`${name}: another result from byte ${at} on`);
}

/** @throws {Error} `name`, if it does not hold */
export function prove(name: string, holds: boolean): void {
  if (!holds) throw new Error(`${name}: another result than the reference`);
}
