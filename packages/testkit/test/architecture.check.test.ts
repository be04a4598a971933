/**
 * Tests that ARCHITECTURE.md names the folder of every file of core and device.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../../..');

describe('ARCHITECTURE.md', () => {
  test.each(['core', 'device'])(
    'names the folder of each file of %s, and no other file',
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
