import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BUILDS } from './builds.ts';

const PACKAGE = join(import.meta.dirname, '..');

describe('src/generated', () => {
  test(
    'equals the output of the compiler for assembly/, byte for byte',
    { timeout: 120_000 },
    () => {
      const folder = mkdtempSync(join(tmpdir(), 'litz-wasm-'));
      try {
        execFileSync(process.execPath, ['scripts/generate.mjs', folder], { cwd: PACKAGE });
        for (const build of BUILDS) {
          const committed = readFileSync(join(PACKAGE, `src/generated/${build}.ts`));
          const made = readFileSync(join(folder, `${build}.ts`));
          expect(Buffer.compare(committed, made), `${build}: run "pnpm generate"`).toBe(0);
        }
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );

  test.each([
    ['simd', 32_768],
    ['scalar', 32_768],
  ])('keeps the %s build below %i bytes', (build, most) => {
    const text = readFileSync(join(PACKAGE, `src/generated/${build}.ts`), 'utf8');
    const [, base64 = ''] = /'([A-Za-z0-9+/=]+)'/.exec(text) ?? [];
    const { length } = Buffer.from(base64, 'base64');
    expect(length).toBeGreaterThan(100);
    expect(length).toBeLessThan(most);
  });
});
