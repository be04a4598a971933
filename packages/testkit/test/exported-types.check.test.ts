/**
 * Tests that users can name the types of public functions: every type in a public signature is
 * exported by an entry of a package. It reads the built typings, without `private` and `@internal`
 * members.
 *
 * @module
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeWith, requirement } from '../src/index.ts';

const packages = join(import.meta.dirname, '../..');
const builtPackages = requirement('the built packages', () =>
  existsSync(join(packages, 'cli/dist/index.d.ts')) ? true : 'run `tsc -b` first',
);

describeWith([builtPackages], 'exported types', () => {
  test('include every type that a public signature names', () => {
    expect(unnamedTypes(entries())).toEqual([]);
  }, 60_000);
});

/** Returns the typings of each published entry, by its name. */
function entries(): Map<string, string> {
  const found = new Map<string, string>();
  for (const folder of readdirSync(packages)) {
    const manifest = JSON.parse(readFileSync(join(packages, folder, 'package.json'), 'utf8')) as {
      name: string;
      private?: boolean;
      exports: Record<string, { types: string } | string>;
    };
    if (manifest.private) continue;
    for (const [path, conditions] of Object.entries(manifest.exports)) {
      if (typeof conditions === 'string') continue;
      found.set(manifest.name + path.slice(1), join(packages, folder, conditions.types));
    }
  }
  return found;
}

/**
 * Returns 'ENTRY: EXPORT: TYPE' for each type that no entry exports. It uses the API of TypeScript
 * 6, which typedoc also uses.
 */
function unnamedTypes(files: Map<string, string>): string[] {
  const ts: any = createRequire(join(packages, '../docs/package.json'))('typescript');
  const program = ts.createProgram([...files.values()], {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    types: ['node'],
    skipLibCheck: true,
    noEmit: true,
  });
  const checker = program.getTypeChecker();
  const resolve = (symbol: any): any =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const exported = new Map(
    [...files].map(([entry, file]): [string, any[]] => {
      const module = checker.getSymbolAtLocation(program.getSourceFile(file));
      return [entry, checker.getExportsOfModule(module).map(resolve)];
    }),
  );
  const known = new Set([...exported.values()].flat());
  const unnamed = new Set<string>();

  /** Returns the name of the type that a node refers to. */
  const nameIn = (node: any): any => {
    if (ts.isTypeReferenceNode(node)) return node.typeName;
    if (ts.isTypeQueryNode(node)) return node.exprName;
    if (ts.isImportTypeNode(node)) return node.qualifier;
    return ts.isExpressionWithTypeArguments(node) ? node.expression : undefined;
  };

  const visit = (node: any, where: string): void => {
    if (isHidden(ts, node)) return;
    const name = nameIn(node);
    const symbol = name && checker.getSymbolAtLocation(name);
    const type = symbol && resolve(symbol);
    const declaration = type?.declarations?.[0];
    const isOurs = declaration && isOfPackages(declaration) && !ts.isSourceFile(declaration);
    const isParameter = type && type.flags & ts.SymbolFlags.TypeParameter;
    if (isOurs && !isParameter && !known.has(type)) unnamed.add(`${where}: ${type.name}`);
    ts.forEachChild(node, (child: any) => visit(child, where));
  };

  for (const [entry, symbols] of exported) {
    for (const symbol of symbols) {
      for (const declaration of symbol.declarations ?? []) {
        const isModule = ts.isSourceFile(declaration);
        if (!isModule && isOfPackages(declaration)) visit(declaration, `${entry}: ${symbol.name}`);
      }
    }
  }
  return [...unnamed].toSorted();
}

function isHidden(ts: any, node: any): boolean {
  const modifiers = ts.canHaveModifiers(node) ? (ts.getModifiers(node) ?? []) : [];
  return (
    modifiers.some(({ kind }: any) => kind === ts.SyntaxKind.PrivateKeyword) ||
    ts.getJSDocTags(node).some(({ tagName }: any) => tagName.text === 'internal')
  );
}

function isOfPackages(declaration: any): boolean {
  return declaration.getSourceFile().fileName.startsWith(packages);
}
