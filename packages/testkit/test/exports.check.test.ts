/**
 * Tests what users can import: every entry of every published package. The snapshot is the public
 * API, so it changes only on purpose (`npx vitest run --project check -u exports`).
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { exportedNames } from './exported-names.ts';

const packages = join(import.meta.dirname, '../..');
const entries = publishedEntries();

describe('exports', () => {
  test.each(entries)('of %s are those of the snapshot', (_, { source }) => {
    const { values, types } = exportedNames(source);
    expect([...values, ...types.map((name) => `type ${name}`)]).toMatchSnapshot();
  });

  // `exportedNames` only reads the text of a module. This test proves that the names exist.
  test.each(entries)('of %s can be imported', async (_, { source }) => {
    const module = (await import(source)) as Record<string, unknown>;
    expect(Object.keys(module).toSorted()).toEqual(exportedNames(source).values);
  });

  test.each(entries)(
    'of %s are built from the source that the manifest names',
    (_, { conditions }) => {
      const built = conditions['@litz/source'].replace('./src/', './dist/').replace(/\.ts$/, '');
      expect(conditions).toEqual({
        '@litz/source': conditions['@litz/source'],
        types: `${built}.d.ts`,
        default: `${built}.js`,
      });
      // The first condition that matches wins, so `default` must be the last one.
      expect(Object.keys(conditions).at(-1)).toBe('default');
    },
  );

  test('are all in the snapshot, which has no others', () => {
    const file = join(import.meta.dirname, '__snapshots__/exports.check.test.ts.snap');
    const found = [...readFileSync(file, 'utf8').matchAll(/of (\S+) are those/g)];
    const specifiers = entries.map(([specifier]) => specifier);
    expect(found.map(([, specifier]) => specifier)).toEqual(specifiers.toSorted());
  });
});

type Specifier = string;

interface Entry {
  /** Path of the TypeScript source. */
  readonly source: string;
  readonly conditions: Record<'@litz/source' | 'types' | 'default', string>;
}

function publishedEntries(): [Specifier, Entry][] {
  return readdirSync(packages).flatMap((folder) => {
    const manifest = JSON.parse(readFileSync(join(packages, folder, 'package.json'), 'utf8')) as {
      name: string;
      private?: boolean;
      exports: Record<string, Entry['conditions'] | string>;
    };
    if (manifest.private) return [];
    return Object.entries(manifest.exports).flatMap(([path, conditions]): [Specifier, Entry][] => {
      // The entry './package.json' exports nothing.
      if (typeof conditions === 'string') return [];
      const source = join(packages, folder, conditions['@litz/source']);
      return [[manifest.name + path.slice(1), { source, conditions }]];
    });
  });
}
