/**
 * Tests that no imports form a circle within a package, including imports of types. So a file can
 * be understood after the files that it imports.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { importsOf, sourceFiles } from './imports.ts';

const packages = join(import.meta.dirname, '../..');

describe('a package', () => {
  for (const name of readdirSync(packages)) {
    test(`has no circle of imports: ${name}`, () => {
      const folder = join(packages, name, 'src');
      const graph = new Map(
        sourceFiles(folder).map((file) => [relative(folder, file), neighbours(folder, file)]),
      );
      expect(circlesOf(graph)).toEqual([]);
    });
  }
});

describe('neighbours', () => {
  test('returns the imports of a file by a path, including imports of types', () => {
    expect(neighbours(import.meta.dirname, import.meta.filename)).toEqual(['imports.ts']);
  });
});

describe('circlesOf', () => {
  test.each<[graph: Record<string, string[]>, circles: string[][]]>([
    [{}, []],
    [{ a: ['b', 'c'], b: ['c'], c: [] }, []],
    [{ a: ['outside'] }, []],
    [{ a: ['a'] }, [['a']]],
    [{ a: ['b'], b: ['a'] }, [['a', 'b']]],
    [{ c: ['b'], b: ['a'], a: ['c'], d: ['a'] }, [['a', 'b', 'c']]],
    [
      { a: ['b', 'd'], b: ['a'], c: ['d'], d: ['c'] },
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    [{ a: ['b', 'c'], b: ['a'], c: ['a'] }, [['a', 'b', 'c']]],
  ])('finds in %j the circles %j', (graph, circles) => {
    expect(circlesOf(new Map(Object.entries(graph)))).toEqual(circles);
  });
});

/** Returns the files that a file imports by a path, relative to `folder`. */
function neighbours(folder: string, file: string): string[] {
  return importsOf(readFileSync(file, 'utf8'))
    .map(({ specifier }) => specifier)
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => relative(folder, join(dirname(file), specifier)));
}

/**
 * Returns the groups of files that reach each other: strongly connected components of more than one
 * file, and each file that imports itself. Each group is sorted, and the groups are sorted by their
 * first file.
 */
function circlesOf(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const reached = new Map(Array.from(graph.keys(), (file) => [file, reach(graph, file)]));
  const circles = new Map<string, string[]>();
  for (const [file, files] of reached) {
    if (!files.has(file)) continue;
    const circle = [...files].filter((other) => reached.get(other)?.has(file)).toSorted();
    circles.set(circle[0], circle);
  }
  return [...circles.values()].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** Returns all files that a file imports, directly or indirectly. */
function reach(graph: ReadonlyMap<string, readonly string[]>, file: string): Set<string> {
  const found = new Set<string>();
  const waiting = [...(graph.get(file) ?? [])];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    waiting.push(...(graph.get(next) ?? []));
  }
  return found;
}
