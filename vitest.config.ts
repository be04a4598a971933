import { defineConfig } from 'vitest/config';

// Workspace packages resolve to their TypeScript sources, so that a test sees the code as it is.
const resolve = { conditions: ['@litz/source', 'node', 'import', 'default'] };
const ssr = { resolve: { conditions: ['@litz/source', 'node', 'import', 'default'] } };

// pnpm sets this for its scripts. With it, a program that a test starts would find modules that its
// package does not list, and that a user does not have.
delete process.env['NODE_PATH'];

/** Where CI wants the figures of the run; `npx vitest run --reporter` still says otherwise. */
const report = process.env['LITZ_TEST_REPORT'];

/** Four projects: `unit` and `batches` run anywhere, `net` needs privileges or peers and probes for them,
 * `check` holds the rules of the repository (import table, export names, vector hashes). */
export default defineConfig({
  test: {
    reporters: report
      ? ['default', ['json', { outputFile: report }], './.ci/unhandled-errors.mjs']
      : ['default'],
    projects: [
      {
        resolve,
        ssr,
        test: {
          name: 'unit',
          // Some of them simulate hours, and all share two cores.
          testTimeout: 30_000,
          include: ['packages/*/test/**/*.test.ts'],
          exclude: ['**/*.net.test.ts', '**/*.check.test.ts', '**/node_modules/**'],
        },
      },
      {
        // The protocol's tests once more, with packets and datagrams in batches of random size.
        resolve,
        ssr,
        test: {
          name: 'batches',
          testTimeout: 30_000,
          include: ['packages/core/test/protocol/*.test.ts'],
          exclude: ['**/scale.test.ts'],
          env: { LITZ_TEST_BATCHES: 'random' },
        },
      },
      {
        resolve,
        ssr,
        test: {
          name: 'net',
          include: ['packages/*/test/**/*.net.test.ts', 'examples/**/*.net.test.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // Other programs take part, on a machine that is busy. CI lists each test that needed its
          // second try, so that it is looked at.
          retry: process.env['CI'] ? 1 : 0,
        },
      },
      {
        resolve,
        ssr,
        test: {
          name: 'check',
          include: ['packages/*/test/**/*.check.test.ts', 'examples/test/**/*.check.test.ts'],
        },
      },
    ],
  },
});
