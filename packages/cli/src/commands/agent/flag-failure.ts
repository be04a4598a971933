/**
 * Failures for flags of `litz agent` and `litz proxy` that cannot be used: each has exit code 2.
 *
 * @module
 */
import { Failure } from '../../failure.ts';

/** @throws {Failure} always */
export function missing(flag: string): never {
  throw usage(`${flag} is needed`);
}

/** Returns the failure for two flags that contradict each other. */
export function contradiction(one: string, other: string): Failure {
  return usage(`${one} contradicts ${other}`);
}

/** Returns the failure for flags that cannot be used, with exit code 2. */
export function usage(text: string): Failure {
  return new Failure(text, { exitCode: 2 });
}
