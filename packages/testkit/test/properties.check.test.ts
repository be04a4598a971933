/**
 * Tests that property tests get the sizes that they want. fast-check makes arrays and texts of
 * about ten elements, for any `maxLength`, unless `size` is larger.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sourceFiles } from './imports.ts';

const packages = join(import.meta.dirname, '../..');

describe('property tests', () => {
  test('set `size` for every `maxLength` above ten', () => {
    const offences = readdirSync(packages)
      .flatMap((folder) => sourceFiles(join(packages, folder, 'test')))
      // This file is skipped, because it has examples of wrong sizes.
      .filter((file) => file !== import.meta.filename)
      .flatMap((file) =>
        unsized(readFileSync(file, 'utf8')).map((text) => `${relative(packages, file)}: ${text}`),
      );
    expect(offences).toEqual([]);
  });
});

describe('unsized', () => {
  test.each<[source: string, found: string[]]>([
    ['fc.array(a, { maxLength: 10 })', []],
    ['fc.array(a, { maxLength: 11 })', ['{ maxLength: 11 }']],
    ['fc.array(a, { minLength: 2, maxLength: 1_000 })', ['{ minLength: 2, maxLength: 1_000 }']],
    ["fc.array(a, { maxLength: 400, size: 'max' })", []],
    ['fc.uint8Array({ minLength: 32, maxLength: 32 })', []],
    ['new Splitter({ maxLength: 1000 })', []],
  ])('finds in %j: %j', (source, found) => {
    expect(unsized(source)).toEqual(found);
  });
});

/** Returns options of arbitraries with a `maxLength` above ten and without a `size`. */
function unsized(source: string): string[] {
  return [...source.matchAll(/(new \w+\()?(\{[^{}]*\bmaxLength: *([\d_]+)[^{}]*\})/g)]
    .filter(([, isOther]) => isOther === undefined)
    .filter(([, , options, length]) => {
      const least = /\bminLength: *([\d_]+)/.exec(options)?.[1];
      return (
        Number(length.replaceAll('_', '')) > 10 && least !== length && !/\bsize:/.test(options)
      );
    })
    .map(([, , options]) => options);
}
