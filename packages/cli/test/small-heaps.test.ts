import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';

/** Semispaces in MB after 400 MB of short-lived garbage, in a process of its own. */
function youngGeneration(before: string): number {
  const script = `
    import { getHeapSpaceStatistics } from 'node:v8';
    const { keepHeapsSmall, letHeapsGrow } = await import(${JSON.stringify(MODULE)});
    ${before}
    let kept = [];
    for (let i = 0; i < 4e6; i++) {
      kept.push({ i });
      if (kept.length > 50_000) kept = [];
    }
    const space = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
    console.log(space.space_size / 2 ** 20);`;
  const args = ['--input-type=module', '--eval', script];
  return Number(execFileSync(process.execPath, args, { encoding: 'utf8' }));
}

const MODULE = new URL('../dist/small-heaps.js', import.meta.url).href;

test('a heap that is kept small does not grow its young generation', () => {
  const usual = youngGeneration('');
  const small = youngGeneration('keepHeapsSmall();');
  expect(usual).toBeGreaterThan(8);
  expect(small).toBeLessThan(4);
});

test('a heap that may grow again does', () => {
  expect(youngGeneration('keepHeapsSmall(); letHeapsGrow();')).toBeGreaterThan(8);
});
