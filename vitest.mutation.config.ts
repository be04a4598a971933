/**
 * Tests for `pnpm mutate`. Stryker runs them in a copy of the checkout whose `node_modules` are links
 * to those of the checkout: packages of the workspace are taken from the copy, where the mutants are.
 *
 * @module
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const root = process.cwd();
const tests = process.env['LITZ_MUTATION_TESTS']?.split(' ') ?? ['packages/core/test/**/*.test.ts'];

export default defineConfig({
  resolve: { alias: workspaceAliases(), conditions: ['@litz/source', 'node', 'import', 'default'] },
  ssr: { resolve: { conditions: ['@litz/source', 'node', 'import', 'default'] } },
  test: {
    // With counters in the code, and two at a time.
    testTimeout: 60_000,
    // A thread for each mutant, and not for each file of its tests.
    isolate: false,
    // Each mutant runs them: smaller samples, which reach the same code, and quick handshakes.
    env: {
      FC_NUM_RUNS: '12',
      LITZ_TEST_PREFIXES: '450',
      LITZ_TEST_PEERS: '60',
      LITZ_TEST_FLOOD: '80',
      LITZ_TEST_X25519: 'quick',
    },
    sequence: { sequencer: quickFirst() },
    include: tests,
    exclude: ['**/*.net.test.ts', '**/*.check.test.ts', '**/node_modules/**'],
  },
});

/**
 * The first test that fails ends the run of a mutant: those of the file that it stands in come first,
 * those that take a second come last.
 */
function quickFirst(): typeof BaseSequencer {
  const slow =
    /(known-bugs|load|handshake-work|initiation-turns|transport|noble|-large|validation)\.test\.ts$/;
  const far = /\/test\/protocol\//;
  const rank = ({ moduleId }: TestSpecification): number =>
    slow.test(moduleId) ? 2 : Number(far.test(moduleId));
  return class extends BaseSequencer {
    override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
      const sorted = await super.sort(files);
      return sorted.toSorted((a, b) => rank(a) - rank(b));
    }
  };
}

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
