/**
 * What a flag of `litz agent` that can't be used comes to: a `Failure` with exit code 2.
 *
 * @module
 */
import { Failure } from '../../failure.ts';

/** @throws {Failure} always */
export function missing(flag: string): never {
  throw usage(`${flag} is needed`);
}

/** Of two flags, or of a flag and what it is about. */
export function contradiction(one: string, other: string): Failure {
  return usage(`${one} contradicts ${other}`);
}

export function usage(text: string): Failure {
  return new Failure(text, { exitCode: 2 });
}
