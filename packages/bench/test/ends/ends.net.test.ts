import { existsSync } from 'node:fs';
import { describeWith, requirement } from '@litz/testkit';
import { expect, it } from 'vitest';
import type * as Ends from '../../src/ends/ends.ts';
import { missingProgram } from '../../src/peers/command.ts';
import { missingNamespaces } from '../../src/peers/namespace-pair.ts';

/** The built file, because child processes cannot load .ts files. */
const BUILT = new URL('../../dist/ends/ends.js', import.meta.url);
const requirements = [
  requirement('the built @litz/bench', () => (existsSync(BUILT) ? true : 'run `tsc -b` first')),
  requirement('the right to make network namespaces', () => missingNamespaces() ?? true),
  requirement('nft', () => missingProgram('nft', ['--version']) ?? true),
];

describeWith(requirements, 'measureEnds', () => {
  it('measures what one end sends and receives, with one thread and with two', async () => {
    const { END_IMPLEMENTATIONS, measureEnds } = (await import(BUILT.href)) as typeof Ends;
    const implementations = END_IMPLEMENTATIONS.filter(({ name }) => name.startsWith('litz'));
    const settings = { rounds: 1, seconds: 0.2, implementations };
    const figures = ['send-1420', 'receive-1420', 'send-64', 'receive-200'] as const;
    const { measurements, failed } = await measureEnds({ ...settings, figures }, () => {});
    expect(failed).toEqual([]);
    for (const name of ['litz, 1 thread', 'litz, 2 threads', 'litz, auto']) {
      const rates = measurements.filter(({ unit, subject }) => unit !== '%' && subject === name);
      expect(rates).toHaveLength(4);
      for (const { value } of rates) expect(value).toBeGreaterThan(0);
    }
  }, 180_000);
});
