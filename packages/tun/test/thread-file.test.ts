import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { threadFile } from '../src/thread-file.ts';

describe('threadFile', () => {
  test('is the built file, even if the code runs from its source', () => {
    expect(fileURLToPath(threadFile())).toMatch(/tun\/dist\/readiness-worker\.js$/);
  });

  test('is the file beside the code of a program', () => {
    const folder = emptyFolder();
    writeFileSync(join(folder, 'readiness-worker.js'), '');
    const here = pathToFileURL(join(folder, 'program.js'));
    expect(fileURLToPath(threadFile(here.href))).toBe(join(folder, 'readiness-worker.js'));
  });

  test('is the file of the installed package if there is no file beside the code', () => {
    const here = import.meta.url.replace(/\.ts$/, '.js');
    expect(fileURLToPath(threadFile(here))).toMatch(/tun\/dist\/readiness-worker\.js$/);
  });

  test('throws an error that says what to do if no such file exists', () => {
    const file = new URL('../dist/thread-file.js', import.meta.url).href;
    const here = pathToFileURL(join(emptyFolder(), 'program.js')).href;
    // The environment is empty, because pnpm sets NODE_PATH to all packages of the workspace.
    const { stderr } = spawnSync(
      process.execPath,
      [
        '--input-type=module',
        '--eval',
        `import { threadFile } from '${file}'; threadFile('${here}');`,
      ],
      { encoding: 'utf8', env: {} },
    );
    expect(stderr).toContain('the entry @litz/tun/readiness-worker');
    expect(stderr).toContain('ERR_LITZ_WORKER');
  });
});

function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'litz-thread-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}
