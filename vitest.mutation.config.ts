/**
 * Tests for `pnpm mutate`. Stryker runs them in a copy of the checkout whose `node_modules` are links
 * to those of the checkout: packages of the workspace are taken from the copy, where the mutants are.
 *
 * @module
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

const root = process.cwd();
const tests = process.env['LITZ_MUTATION_TESTS']?.split(' ') ?? ['packages/core/test/**/*.test.ts'];

export default defineConfig({
  resolve: { alias: workspaceAliases(), conditions: ['@litz/source', 'node', 'import', 'default'] },
  ssr: { resolve: { conditions: ['@litz/source', 'node', 'import', 'default'] } },
  test: {
    // With counters in the code, and two at a time.
    testTimeout: 60_000,
    // Each mutant runs them: smaller samples, which reach the same code.
    env: { FC_NUM_RUNS: '12', LITZ_TEST_PREFIXES: '450' },
    include: tests,
    exclude: ['**/*.net.test.ts', '**/*.check.test.ts', '**/node_modules/**'],
  },
});

/** Each entry of each package, by its source. */
function workspaceAliases(): { find: RegExp; replacement: string }[] {
  return readdirSync(join(root, 'packages')).flatMap((room) => {
    const manifest = join(root, 'packages', room, 'package.json');
    if (!existsSync(manifest)) return [];
    const { name, exports = {} } = JSON.parse(readFileSync(manifest, 'utf8')) as {
      name: string;
      exports?: Record<string, string | Record<string, string>>;
    };
    return Object.entries(exports).flatMap(([entry, target]) =>
      typeof target === 'string' || target['@litz/source'] === undefined
        ? []
        : [
            {
              find: new RegExp(`^${name}${entry.slice(1)}$`),
              replacement: join(root, 'packages', room, target['@litz/source']),
            },
          ],
    );
  });
}
