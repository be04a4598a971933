import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
// @ts-expect-error -- a script without types
import { buildModules } from '../scripts/build.mjs';

test('the committed modules are what assembly/ compiles to', { timeout: 120_000 }, async () => {
  const built = (await (buildModules as () => Promise<unknown>)()) as Record<string, string>;
  for (const [name, text] of Object.entries(built)) {
    const committed = readFileSync(new URL(`../src/generated/${name}.ts`, import.meta.url), 'utf8');
    expect(text === committed, `src/generated/${name}.ts: run \`pnpm wasm:build\``).toBe(true);
  }
  expect(Object.keys(built)).toEqual(['simd', 'scalar']);
});

test.each([
  ['simd', 20_000],
  ['scalar', 12_000],
])('%s is smaller than %d bytes', (name, most) => {
  const text = readFileSync(new URL(`../src/generated/${name}.ts`, import.meta.url), 'utf8');
  expect(Number(/(\d+) bytes/.exec(text)?.[1])).toBeLessThan(most);
});
