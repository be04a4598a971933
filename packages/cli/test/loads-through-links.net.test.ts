import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeWith } from '@litz/testkit';
import { realInterfaces } from './litz-process.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'litz-links-'));
  mkdirSync(join(folder, 'real'));
  mkdirSync(join(folder, 'own'), { mode: 0o700 });
  writeFileSync(join(folder, 'first.mjs'), '');
  writeFileSync(join(folder, 'real/last.mjs'), 'export const { url } = import.meta;');
  symlinkSync(join(folder, 'real'), join(folder, 'link'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/**
 * Package managers install packages as symbolic links, and `litz` loads many of its modules late.
 * After Node.js has read the mode of a pipe or a socket as a number, it no longer finds modules
 * through symbolic links (https://github.com/nodejs/node/issues/51142). These tests check that
 * `litz` avoids this fault.
 */
describeWith(realInterfaces, 'modules behind a symbolic link', () => {
  it.each([
    ['nothing', ''],
    [
      'a UAPI server',
      `const { UapiServer } = await import('${dist('device/dist/index.js')}');
       const target = { status() {}, configure() {} };
       await UapiServer.listen(target, { path: folder + '/own/uapi.sock' });`,
    ],
    [
      'a control server',
      `const { ControlServer } = await import('${dist('cli/dist/tunnel/control.js')}');
       await ControlServer.listen('wg0', async () => {}, folder + '/own');`,
    ],
    [
      'a look at standard error, which is a pipe',
      `const { createLog } = await import('${dist('cli/dist/log.js')}');
       process.env.JOURNAL_STREAM = '1:2';
       createLog('error', 'wg0').error('text');`,
    ],
    [
      'a look at standard output, which is a pipe',
      `const { warnIfWorldReadable } = await import('${dist('cli/dist/commands/keys.js')}');
       warnIfWorldReadable(1, () => {});`,
    ],
  ])('are found after %s', (_what, code) => {
    const script = `
      const folder = ${JSON.stringify(folder)};
      await import(folder + '/first.mjs');
      ${code}
      process.stdout.write((await import(folder + '/link/last.mjs')).url, () => process.exit());`;
    const words = ['--input-type=module', '--eval', script];
    const url = execFileSync(process.execPath, words, {
      encoding: 'utf8',
      stdio: 'pipe',
      timeout: 20_000,
    });
    expect(url).toBe(`file://${folder}/real/last.mjs`);
  });
});

function dist(path: string): string {
  return new URL(`../../${path}`, import.meta.url).href;
}
