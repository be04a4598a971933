/**
 * Who may import whom. The table is ARCHITECTURE.md's; anything else fails.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const packages = join(import.meta.dirname, '../..');

/** What a room may import, beside node: modules where `node` says so. `dynamic` only by import(). */
const TABLE: Record<
  string,
  { allowed: (string | RegExp)[]; dynamic?: (string | RegExp)[]; node: boolean }
> = {
  core: { allowed: [/^@noble\//], node: false },
  config: { allowed: ['@litz/core', '@litz/core/internals', 'ipaddr.js'], node: true },
  wasm: { allowed: ['@litz/core', '@litz/core/internals'], node: false },
  sys: { allowed: ['@litz/core', '@litz/core/internals'], node: true },
  openssl: { allowed: ['@litz/core', '@litz/core/internals', '@litz/sys'], node: true },
  testkit: { allowed: ['@litz/core', '@litz/core/internals', 'vitest'], node: true },
  tun: { allowed: ['@litz/sys', '@litz/core', '@litz/core/internals'], node: true },
  udp: { allowed: ['@litz/sys', '@litz/core', '@litz/core/internals'], node: true },
  device: {
    // The offload logic is pure: it loads no FFI.
    allowed: [
      '@litz/core',
      '@litz/core/internals',
      '@litz/config',
      '@litz/config/uapi',
      '@litz/tun/offload',
    ],
    dynamic: ['@litz/tun', '@litz/udp', '@litz/sys', '@litz/openssl', '@litz/wasm'],
    node: true,
  },
  cli: {
    // Of the system only the demo's namespaces, and what runs with an interface anyway.
    allowed: [
      '@litz/device',
      '@litz/device/quick',
      '@litz/config',
      '@litz/config/uapi',
      '@litz/core',
      '@litz/core/internals',
      '@litz/sys',
      '@litz/sys/tools',
      'commander',
    ],
    node: true,
  },
  bench: {
    allowed: [/^@litz\//, /^@noble\//, 'commander', /^echarts(\/|$)/, 'tinybench'],
    node: true,
  },
};

/** The binaries without the package that has an install script. */
const KOFFI = ['@koromix/koffi-linux-arm64', '@koromix/koffi-linux-x64'];

const EXAMPLES_MAY_IMPORT = [
  '@litz/config',
  '@litz/core',
  '@litz/device',
  '@litz/sys',
  '@litz/sys/tools',
];

describe('import table', () => {
  test('knows every room', () => {
    expect(readdirSync(packages).toSorted()).toEqual(Object.keys(TABLE).toSorted());
  });

  for (const [room, rule] of Object.entries(TABLE)) {
    test(`holds for ${room}`, () => {
      const offences = sourceFiles(join(packages, room, 'src')).flatMap((file) =>
        importsOf(readFileSync(file, 'utf8'))
          .filter((found) => !isAllowed(found, rule))
          .map((found) => `${file}: ${found.specifier}`),
      );
      expect(offences).toEqual([]);
    });

    test(`is what ${room}'s package.json depends on`, () => {
      const manifest = JSON.parse(readFileSync(join(packages, room, 'package.json'), 'utf8')) as {
        private?: boolean;
        dependencies?: Record<string, string>;
        optionalDependencies?: Record<string, string>;
      };
      const declared = new Set([
        ...Object.keys(manifest.dependencies ?? {}),
        ...Object.keys(manifest.optionalDependencies ?? {}),
      ]);
      const used = new Set(
        sourceFiles(join(packages, room, 'src'))
          .flatMap((file) => importsOf(readFileSync(file, 'utf8')))
          .map(({ specifier }) => packageName(specifier))
          .filter((name) => !name.startsWith('.') && !name.startsWith('node:')),
      );
      // These come in by createRequire, so that their absence is an error of ours.
      if (room === 'sys') for (const name of KOFFI) used.add(name);
      // What is not published may depend on what only its tests or its other commands use.
      const needed = manifest.private
        ? [...declared].filter((name) => used.has(name))
        : [...declared];
      expect(needed.toSorted()).toEqual([...used].toSorted());
    });
  }
});

describe('examples', () => {
  test('import what readers can install, and nothing else', () => {
    const examples = join(packages, '../examples');
    const manifest = JSON.parse(readFileSync(join(examples, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    const used = readdirSync(examples, { withFileTypes: true })
      .filter(({ name }) => !['dist', 'node_modules', 'test'].includes(name))
      .flatMap((entry) =>
        entry.isDirectory() ? sourceFiles(join(examples, entry.name)) : join(examples, entry.name),
      )
      .filter((file) => file.endsWith('.ts'))
      .flatMap((file) => importsOf(readFileSync(file, 'utf8')))
      .map(({ specifier }) => specifier)
      .filter((specifier) => !specifier.startsWith('.') && !specifier.startsWith('node:'));
    expect([...new Set(used.map(packageName))].toSorted()).toEqual(
      Object.keys(manifest.dependencies).toSorted(),
    );
    expect(used.filter((name) => !EXAMPLES_MAY_IMPORT.includes(name))).toEqual([]);
  });
});

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

describe('isAllowed', () => {
  const rule = { allowed: ['a', /^@b\//], dynamic: ['c'], node: false };
  test.each<[specifier: string, dynamic: boolean, allowed: boolean]>([
    ['a', false, true],
    ['a/inner', false, false],
    ['@b/any', false, true],
    ['c', false, false],
    ['c', true, true],
    ['node:fs', false, false],
    ['./near.ts', false, true],
  ])('says of %s (dynamic: %s): %s', (specifier, dynamic, allowed) => {
    expect(isAllowed({ specifier, dynamic }, rule)).toBe(allowed);
  });
});

interface Import {
  specifier: string;
  dynamic: boolean;
}

function staticImports(...specifiers: string[]): Import[] {
  return specifiers.map((specifier) => ({ specifier, dynamic: false }));
}

function isAllowed({ specifier, dynamic }: Import, rule: (typeof TABLE)[string]): boolean {
  if (specifier.startsWith('./') || specifier.startsWith('../')) return true;
  if (specifier.startsWith('node:')) return rule.node;
  const matches = (pattern: string | RegExp): boolean =>
    typeof pattern === 'string' ? pattern === specifier : pattern.test(specifier);
  return rule.allowed.some(matches) || (dynamic && (rule.dynamic ?? []).some(matches));
}

/** Every import and re-export of a source text. A type-only one loads nothing, so it counts as dynamic. */
function importsOf(source: string): Import[] {
  const code = source.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/^\s*\/\/.*$/gm, '');
  const found: Import[] = [];
  for (const match of code.matchAll(
    /^\s*(?:import|export)\s+(type\s)?(?:[\w*{}\s,$]+?\sfrom\s+)?'([^']+)'/gm,
  )) {
    found.push({ specifier: match[2], dynamic: match[1] !== undefined });
  }
  for (const match of code.matchAll(/\bimport\(\s*'([^']+)'\s*\)/g)) {
    found.push({ specifier: match[1], dynamic: true });
  }
  return found;
}

function packageName(specifier: string): string {
  if (specifier.startsWith('.') || specifier.startsWith('node:')) return specifier;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
}
