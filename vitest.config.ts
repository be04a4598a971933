import { defineConfig } from 'vitest/config';

// The packages of the workspace resolve to their TypeScript sources, so a test never runs the code
// of an older build.
const resolve = { conditions: ['@litz/source', 'node', 'import', 'default'] };
const ssr = { resolve: { conditions: ['@litz/source', 'node', 'import', 'default'] } };

// pnpm sets this for its scripts. With it, a program that a test starts would find modules that its
// package does not list, and that a user does not have.
delete process.env['NODE_PATH'];

/** The path of the JSON report that CI reads. `--reporter` on the command line has precedence. */
const report = process.env['LITZ_TEST_REPORT'];

/**
 * Four projects. The tests of `unit` and `batches` run anywhere. Those of `net` need privileges or
 * other programs, and check first whether they have them. `check` tests the rules of the repository
 * (import table, export names, hashes of the vectors).
 */
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
          // Some tests simulate hours, and all tests share two cores.
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
          // Other programs take part in these tests, on a busy machine. So a test has a second try
          // in CI. CI lists each test that needed it, so that somebody looks at that test.
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
