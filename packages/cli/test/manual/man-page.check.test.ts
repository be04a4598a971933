/**
 * Checks that the man pages in the package match the commands. This command writes the pages anew:
 *
 *   npx vitest run --project check packages/cli/test/manual -u
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { allCommands, commandTree } from '../../src/manual/command-tree.ts';
import { manPage, manPageName } from '../../src/manual/man-page.ts';
import { createProgram } from '../../src/program.ts';

const folder = join(import.meta.dirname, '../../man');
const root = commandTree(createProgram());
const pages = allCommands(root);

describe('manPage', () => {
  test.each(pages.map((entry) => [manPageName(entry), entry] as const))(
    'returns the page %s of the package',
    async (name, entry) => {
      await expect(manPage(entry, root)).toMatchFileSnapshot(join(folder, name));
    },
  );

  test('has a page for each command and no other page, and package.json names all pages', () => {
    const names = pages.map(manPageName).toSorted();
    expect(readdirSync(folder).toSorted()).toEqual(names);
    const json = readFileSync(join(folder, '../package.json'), 'utf8');
    const { man } = JSON.parse(json) as { man: string[] };
    expect(man.toSorted()).toEqual(names.map((name) => `./man/${name}`));
  });
});
