/**
 * Tests that the tables of ARCHITECTURE.md list every file of core and device, in the row of its
 * folder.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../../..');

describe('ARCHITECTURE.md', () => {
  test.each(['core', 'device'])(
    'lists each file of %s in the row of its folder, and no other file',
    (name) => {
      const source = join(root, 'packages', name, 'src');
      const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.ts') && basename(file) !== 'index.ts')
        .map((file) => join(name, 'src', file.replace(/\.ts$/, '')));
      expect(namedIn(name).toSorted()).toEqual(files.toSorted());
    },
  );
});

/** Returns the paths of the files in the table's rows of a package. */
function namedIn(name: string): string[] {
  const text = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
  const rows = text.matchAll(/^\| `([a-z]+\/src[a-z/-]*)` \|[^|]*\| ([^|]*) \|$/gm);
  return [...rows]
    .filter(([, folder]) => folder.split('/')[0] === name)
    .flatMap(([, folder, files]) => files.split(', ').map((file) => join(folder, file)));
}
