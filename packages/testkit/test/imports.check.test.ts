/**
 * Tests `importsOf`, which reads the imports of a source text.
 *
 * @module
 */
import { describe, expect, test } from 'vitest';
import { importsOf, type Import } from './imports.ts';

describe('importsOf', () => {
  test.each<[string, Import[]]>([
    ["import 'a';", [{ specifier: 'a', dynamic: false }]],
    ["import a, { b as c } from 'a';", [{ specifier: 'a', dynamic: false }]],
    ["import * as a from '@a/b/c';", [{ specifier: '@a/b/c', dynamic: false }]],
    ["import {\n  a,\n  type B,\n} from 'a';", [{ specifier: 'a', dynamic: false }]],
    ["export { a } from 'a';\nexport * from 'b';", staticImports('a', 'b')],
    ["import type { A } from 'a';", [{ specifier: 'a', dynamic: true }]],
    ["const { a } = await import('a');", [{ specifier: 'a', dynamic: true }]],
    ["let a: import('a').A;", [{ specifier: 'a', dynamic: true }]],
    ["/*\n import a from 'a';\n*/\n// import b from 'b';", []],
  ])('finds what %j imports', (source, found) => {
    expect(importsOf(source)).toEqual(found);
  });
});

function staticImports(...specifiers: string[]): Import[] {
  return specifiers.map((specifier) => ({ specifier, dynamic: false }));
}
