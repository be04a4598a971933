/**
 * Whoever calls a public function with something wrong is told so under the argument's name. What V8 says
 * of such a call ("x is not a function", "Cannot read properties of undefined") names the inside of Litz.
 *
 * @module
 */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const WRONG: readonly unknown[] = [undefined, null, 5, 'abc', {}, [], Symbol('wrong'), () => 0];
/** What V8 says where nobody checked. */
const BY_ACCIDENT =
  /is not (a function|iterable|a constructor)|^Cannot (read|set|destructure)|not defined/;
/** Made by Litz alone: their constructor is private, or they are errors. */
const NOT_CALLED = new Set(['UapiServer', 'ConfigError']);
/** Of internals that stand in the public entry for other rooms; they are never given what a user passes. */
const OF_LITZ = new Set(['isZeroKey', 'wipeSecrets']);

const packages = join(import.meta.dirname, '../..');
const entries = await Promise.all(
  ['core/src', 'config/src', 'config/src/uapi', 'device/src'].map(
    async (entry) =>
      [
        entry,
        (await import(join(packages, entry, 'index.ts'))) as Record<string, unknown>,
      ] as const,
  ),
);

describe.each(entries)('a function of %s', (_, exported) => {
  const names = Object.keys(exported).filter(
    (name) => typeof exported[name] === 'function' && !NOT_CALLED.has(name) && !OF_LITZ.has(name),
  );

  test.each(names)('%s says what is wrong with an argument', async (name) => {
    const accidents: string[] = [];
    for (const argument of WRONG) {
      const error = await errorOf(exported[name] as Callable, argument);
      if (!(error instanceof TypeError) || !BY_ACCIDENT.test(error.message)) continue;
      accidents.push(`${String(argument)}: ${error.message}`);
    }
    expect(accidents).toEqual([]);
  });
});

type Callable = (new (argument: unknown) => unknown) & ((argument: unknown) => unknown);

async function errorOf(callable: Callable, argument: unknown): Promise<unknown> {
  try {
    const isClass = Function.prototype.toString.call(callable).startsWith('class');
    await (isClass ? new callable(argument) : callable(argument));
    return undefined;
  } catch (error) {
    return error;
  }
}
