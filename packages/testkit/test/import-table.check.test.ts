/**
 * Tests which package may import which. The table is the same as in ARCHITECTURE.md.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { importsOf, sourceFiles, type Import } from './imports.ts';

const packages = join(import.meta.dirname, '../..');

/**
 * The packages that a package may import. `node`: whether it may also import node: modules.
 * `dynamic`: packages that it may only load by import().
 */
const TABLE: Record<
  string,
  { allowed: (string | RegExp)[]; dynamic?: (string | RegExp)[]; node: boolean }
> = {
  core: { allowed: [/^@noble\//], node: false },
  config: { allowed: ['@litz/core', '@litz/core/internals'], node: true },
  netstack: { allowed: ['@litz/core', '@litz/core/internals'], node: false },
  wasm: { allowed: ['@litz/core', '@litz/core/internals'], node: false },
  // A command loads sys, drops its rights, and then starts again. So it loads all that sys imports
  // twice, and cryptography is slow to load.
  sys: { allowed: ['@litz/core/text'], node: true },
  openssl: { allowed: ['@litz/core', '@litz/core/internals', '@litz/sys'], node: true },
  testkit: { allowed: ['@litz/core', '@litz/core/internals', 'vitest'], node: true },
  tun: { allowed: ['@litz/sys', '@litz/core', '@litz/core/internals'], node: true },
  udp: { allowed: ['@litz/sys', '@litz/core', '@litz/core/internals'], node: true },
  device: {
    // `@litz/tun/offload` only computes. Unlike `@litz/tun`, it loads no native code.
    allowed: [
      '@litz/core',
      '@litz/core/internals',
      '@litz/core/text',
      '@litz/config',
      '@litz/config/uapi',
      '@litz/tun/offload',
    ],
    dynamic: ['@litz/tun', '@litz/udp', '@litz/sys', '@litz/openssl', '@litz/wasm'],
    node: true,
  },
  net: {
    allowed: [
      '@litz/core',
      '@litz/core/internals',
      '@litz/config',
      '@litz/config/uapi',
      '@litz/device',
      '@litz/device/quick',
      '@litz/netstack',
      '@litz/tun/offload',
      'dns-packet',
      'undici',
    ],
    node: true,
  },
  mesh: {
    allowed: [
      '@litz/core',
      '@litz/core/internals',
      '@litz/config',
      '@litz/config/uapi',
      '@litz/sys',
      '@litz/sys/tools',
      /^@bufbuild\/protobuf(\/|$)/,
      'js-yaml',
      'prom-client',
    ],
    node: true,
  },
  cli: {
    // sys is only for code that needs Linux: demos, doctor, rights, service managers, upgrades.
    allowed: [
      '@litz/device',
      '@litz/device/packet-thread',
      '@litz/device/quick',
      '@litz/config',
      '@litz/config/uapi',
      '@litz/core',
      '@litz/core/internals',
      '@litz/core/text',
      '@litz/mesh',
      '@litz/mesh/page',
      '@litz/net',
      '@litz/sys',
      '@litz/sys/tools',
      'commander',
      'uqr',
    ],
    node: true,
  },
  bench: {
    allowed: [/^@litz\//, /^@noble\//, 'commander', /^echarts(\/|$)/, 'tinybench', 'undici'],
    node: true,
  },
};

/**
 * koffi's binaries, each a package of its own. The package `koffi` is not used, because it has an
 * install script.
 */
const KOFFI = ['@koromix/koffi-linux-arm64', '@koromix/koffi-linux-x64'];

const EXAMPLES_MAY_IMPORT = [
  '@litz/config',
  '@litz/core',
  '@litz/device',
  '@litz/net',
  '@litz/netstack',
  '@litz/sys',
  '@litz/sys/tools',
  '@litz/wasm',
  'ws',
];

describe('import table', () => {
  test('lists every package', () => {
    expect(readdirSync(packages).toSorted()).toEqual(Object.keys(TABLE).toSorted());
  });

  for (const [name, rule] of Object.entries(TABLE)) {
    test(`holds for ${name}`, () => {
      const offences = sourceFiles(join(packages, name, 'src')).flatMap((file) =>
        importsOf(readFileSync(file, 'utf8'))
          .filter((found) => !isAllowed(found, rule))
          .map((found) => `${file}: ${found.specifier}`),
      );
      expect(offences).toEqual([]);
    });

    test(`holds for the package.json of ${name}, which lists exactly the imported packages`, () => {
      const manifest = JSON.parse(readFileSync(join(packages, name, 'package.json'), 'utf8')) as {
        private?: boolean;
        dependencies?: Record<string, string>;
        optionalDependencies?: Record<string, string>;
      };
      const declared = new Set([
        ...Object.keys(manifest.dependencies ?? {}),
        ...Object.keys(manifest.optionalDependencies ?? {}),
      ]);
      const used = new Set(
        sourceFiles(join(packages, name, 'src'))
          .flatMap((file) => importsOf(readFileSync(file, 'utf8')))
          .map(({ specifier }) => packageName(specifier))
          .filter((name) => !name.startsWith('.') && !name.startsWith('node:')),
      );
      // The binaries are loaded with createRequire, so that Litz can report their absence.
      if (name === 'sys') for (const module of KOFFI) used.add(module);
      // A private package may depend on packages that only its tests or other commands use.
      const needed = manifest.private
        ? [...declared].filter((name) => used.has(name))
        : [...declared];
      expect(needed.toSorted()).toEqual([...used].toSorted());
    });
  }
});

describe('published packages', () => {
  test('depend on no package that is not published', () => {
    const manifests = readdirSync(packages).map(
      (folder) =>
        JSON.parse(readFileSync(join(packages, folder, 'package.json'), 'utf8')) as {
          name: string;
          private?: boolean;
          dependencies?: Record<string, string>;
        },
    );
    const unpublished = manifests.filter((it) => it.private).map(({ name }) => name);
    const offences = manifests
      .filter((it) => !it.private)
      .flatMap(({ name, dependencies = {} }) =>
        Object.keys(dependencies)
          .filter((other) => unpublished.includes(other))
          .map((other) => `${name}: ${other}`),
      );
    expect(offences).toEqual([]);
    expect(unpublished.length).toBeGreaterThan(0);
  });
});

describe('examples', () => {
  test('import only packages that readers can install', () => {
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
  ])('returns for the import of %s (dynamic: %s): %s', (specifier, dynamic, allowed) => {
    expect(isAllowed({ specifier, dynamic }, rule)).toBe(allowed);
  });
});

function isAllowed({ specifier, dynamic }: Import, rule: (typeof TABLE)[string]): boolean {
  if (specifier.startsWith('./') || specifier.startsWith('../')) return true;
  if (specifier.startsWith('node:')) return rule.node;
  const matches = (pattern: string | RegExp): boolean =>
    typeof pattern === 'string' ? pattern === specifier : pattern.test(specifier);
  return rule.allowed.some(matches) || (dynamic && (rule.dynamic ?? []).some(matches));
}

function packageName(specifier: string): string {
  if (specifier.startsWith('.') || specifier.startsWith('node:')) return specifier;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
