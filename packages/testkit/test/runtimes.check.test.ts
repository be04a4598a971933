/**
 * Tests that browsers can load some entries: no file that they import, directly or indirectly,
 * imports a module of Node.js. Also tests which packages the command `litz` loads at its start.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';

const packages = join(import.meta.dirname, '../..');
/**
 * The entries that run in any JavaScript runtime, with their sources. They may import each other.
 */
const SOURCES: Record<string, string> = {
  '@litz/core': 'core/src/index.ts',
  '@litz/core/internals': 'core/src/internals.ts',
  '@litz/core/text': 'core/src/text/index.ts',
  '@litz/config': 'config/src/index.ts',
  '@litz/netstack': 'netstack/src/index.ts',
  '@litz/wasm': 'wasm/src/index.ts',
  '@litz/tun/offload': 'tun/src/offload/index.ts',
};

describe('imports of entries that browsers load', () => {
  test.each(Object.keys(SOURCES))('of %s are only packages that run anywhere', (entry) => {
    const seen = new Map<string, string[]>();
    follow(join(packages, SOURCES[entry]), seen);
    const foreign = [...seen].flatMap(([file, names]) => names.map((name) => `${file}: ${name}`));
    expect(foreign.filter((name) => !ANYWHERE.test(name))).toEqual([]);
    expect(seen.size).toBeGreaterThan(3);
  });
});

describe('the command litz', () => {
  test('loads only commander and parts of Litz at its start: neither the engine nor noble', () => {
    const seen = new Map<string, string[]>();
    follow(join(packages, 'cli/src/main.ts'), seen);
    const foreign = new Set([...seen.values()].flat().filter((name) => !name.startsWith('node:')));
    expect([...foreign]).toEqual(['commander']);
    const own = [...seen.keys()].filter((file) => !file.includes('/cli/'));
    expect(own.filter((file) => /core\/src\/(?:crypto\/noble|engine)/.test(file))).toEqual([]);
    expect(own.length).toBeGreaterThan(3);
  });

  test('loads no cryptography before it drops its rights, because it starts again after that', () => {
    const seen = new Map<string, string[]>();
    follow(join(packages, 'cli/src/rights/few-rights.ts'), seen);
    follow(join(packages, 'sys/src/index.ts'), seen);
    const foreign = new Set([...seen.values()].flat().filter((name) => !name.startsWith('node:')));
    expect([...foreign].toSorted()).toEqual(['@litz/sys', 'commander']);
    expect(seen.size).toBeGreaterThan(40);
  });
});

/** Reads a file and the files of Litz that it imports. `seen`: the other imports of each file. */
function follow(file: string, seen: Map<string, string[]>): void {
  if (seen.has(file)) return;
  const foreign: string[] = [];
  seen.set(file, foreign);
  for (const name of loadedBy(readFileSync(file, 'utf8'))) {
    if (name.startsWith('.')) follow(join(dirname(file), name), seen);
    else if (SOURCES[name]) follow(join(packages, SOURCES[name]), seen);
    else foreign.push(name);
  }
}

/** Returns all imports except types, which do not exist at run time. */
function loadedBy(source: string): string[] {
  const code = source.replaceAll(/\/\*[\s\S]*?\*\//g, '');
  return [...code.matchAll(/^(?:import|export) (?!type )(?:[^;']*? from )?'([^']+)'/gm)].map(
    ([, name = '']) => name,
  );
}

/** Matches imports of packages that, by their documentation, need no part of a runtime. */
const ANYWHERE = /: (?:@noble\/|ipaddr\.js$)/;
