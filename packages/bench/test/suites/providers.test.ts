import { expect, it } from 'vitest';
import { loadProviders, PROVIDER_NAMES } from '../../src/suites/providers.ts';

it('loads all providers or only the named ones, in the order of PROVIDER_NAMES', async () => {
  const all = await loadProviders();
  expect(all.map(({ name }) => name)).toEqual(PROVIDER_NAMES);
  const some = await loadProviders(['wasm', 'noble']);
  expect(some.map(({ name }) => name)).toEqual(['noble', 'wasm']);
  expect(some.every(({ primitives }) => primitives !== undefined)).toBe(true);
});
