/**
 * Parsers of option values.
 *
 * @module
 */
import { InvalidArgumentError } from 'commander';

/** Parses a count. @throws {InvalidArgumentError} the text is not a whole number above 0 */
export function parseCount(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('expected a whole number above 0');
}

/**
 * Returns a parser for lists such as `a,b`. The parser throws an `InvalidArgumentError` if a part
 * is not one of `names`.
 */
export function listParser<T extends string>(names: readonly T[]): (text: string) => T[] {
  return (text) =>
    text.split(',').map((name) => {
      const known = names.find((candidate) => candidate === name);
      if (known === undefined) throw new InvalidArgumentError(`expected ${names.join(', ')}`);
      return known;
    });
}
