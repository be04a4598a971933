import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { threadFile } from '../../src/linux/thread-file.ts';

describe('threadFile', () => {
  test.each(['linux-worker', 'cipher-worker'] as const)(
    'is the built file of %s if the caller is a source file',
    (name) => {
      const file = fileURLToPath(threadFile(name));
      expect(file).toMatch(/device\/dist\/linux\/[a-z]+-worker\.js$/);
      expect(basename(file)).toBe(`${name}.js`);
      expect(existsSync(file)).toBe(true);
    },
  );

  test('is the file beside the code of a program', () => {
    const folder = emptyFolder();
    writeFileSync(join(folder, 'linux-worker.js'), '');
    const here = pathToFileURL(join(folder, 'program.js'));
    expect(fileURLToPath(threadFile('linux-worker', here.href))).toBe(
      join(folder, 'linux-worker.js'),
    );
  });

  test('is the file of the installed package if there is no file beside the code', () => {
    const here = import.meta.url.replace(/\.ts$/, '.js');
    for (const name of ['linux-worker', 'cipher-worker'] as const) {
      const file = fileURLToPath(threadFile(name, here));
      expect(file.endsWith(`device/dist/linux/${name}.js`)).toBe(true);
    }
  });

  test('throws an error that says what to do if no such file exists', () => {
    const file = new URL('../../dist/linux/thread-file.js', import.meta.url).href;
    const here = pathToFileURL(join(emptyFolder(), 'program.js')).href;
    // The environment is empty, because pnpm sets NODE_PATH to all packages of the workspace.
    const { stderr } = spawnSync(
      process.execPath,
      [
        '--input-type=module',
        '--eval',
        `import { threadFile } from '${file}'; threadFile('cipher-worker', '${here}');`,
      ],
      { encoding: 'utf8', env: {} },
    );
    expect(stderr).toContain('the entry @litz/device/cipher-worker');
    expect(stderr).toContain('ERR_LITZ_WORKER');
  });
});

function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'litz-thread-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}
