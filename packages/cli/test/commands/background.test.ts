import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startInBackground } from '../../src/commands/background.ts';
import { Failure } from '../../src/failure.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'litz-background-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('startInBackground', () => {
  test('returns only when the daemon is ready', async () => {
    const file = join(folder, 'made');
    await start(`
      require('node:fs').writeFileSync(${JSON.stringify(file)}, 'ready');
      process.send({ ready: true });
      process.disconnect();`);
    expect(readFileSync(file, 'utf8')).toBe('ready');
  });

  test('fails with the reason that a daemon sends if it cannot start', async () => {
    const failed = start("process.send({ failure: 'wg0 is taken: EBUSY' }); process.exitCode = 1;");
    await expect(failed).rejects.toThrow(/^wg0 is taken: EBUSY$/);
  });

  test('does not miss a reason that a daemon sends just before its end', async () => {
    const failed = start("process.send({ failure: 'no' }, () => process.exit(1));");
    await expect(failed).rejects.toThrow(/^no$/);
  });

  test.each([
    ['with an exit code', 'process.exit(7);', 'exit code 7'],
    ['by a signal', "process.kill(process.pid, 'SIGKILL');", 'SIGKILL'],
    ['after it has closed its channel', 'process.disconnect();', 'exit code 0'],
  ])('fails when the daemon ends %s and prints nothing', async (_, code, how) => {
    await expect(start(code)).rejects.toThrow(`the daemon ended (${how}) before it was ready`);
  });

  test.each([
    ['an earlier line', "console.error('first');console.error('no room');", 'no room'],
    [
      'the frame of V8',
      "console.error('#\\n# Fatal process OOM in X\\n#\\n');",
      'Fatal process OOM in X',
    ],
    [
      'a stack of V8',
      "console.error('FATAL ERROR: no heap\\n----- Native stack trace -----\\n\\n 1: 0xb8 node::Abort() [node]');",
      'FATAL ERROR: no heap',
    ],
    [
      'a stack of Litz',
      "console.error('TypeError: x\\n    at f (file:1:2)\\n\\nNode.js v20.20.2');",
      'TypeError: x',
    ],
  ])(
    'names the signal that ended the daemon, and the last output of the daemon without %s',
    async (_, code, last) => {
      const failed = start(`${code} process.kill(process.pid, 'SIGKILL');`, {
        LOG_LEVEL: undefined,
      });
      await expect(failed).rejects.toThrow(
        new Failure(`the daemon ended (SIGKILL) before it was ready: ${last}`),
      );
    },
  );

  test('shows the output of a daemon that ran out of heap', async () => {
    const failed = start('const all = []; for (;;) all.push(new Array(1000).fill({}));', {
      LOG_LEVEL: undefined,
      NODE_OPTIONS: '--max-old-space-size=16',
    });
    await expect(failed).rejects.toThrow(/\(SIG\w+\) before it was ready: FATAL ERROR: .*heap/);
  });

  test('starts the daemon in the foreground and in the folder /, with the name as last argument and the same environment', async () => {
    const file = join(folder, 'seen');
    await start(
      `const { writeFileSync } = require('node:fs');
       const { WG_PROCESS_FOREGROUND: foreground, OTHER: other } = process.env;
       writeFileSync(${JSON.stringify(file)}, JSON.stringify({
         words: process.argv.slice(2), foreground, other, cwd: process.cwd(),
       }));
       process.send({ ready: true }); process.disconnect();`,
      { OTHER: 'kept' },
    );
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
      words: ['-f', 'wg0'],
      foreground: '1',
      other: 'kept',
      cwd: '/',
    });
  });
});

let count = 0;

/** Runs `startInBackground` with a program that consists of `code`, instead of litz. */
async function start(code: string, env: NodeJS.ProcessEnv = {}): Promise<void> {
  const entry = join(folder, `entry-${count++}.cjs`);
  writeFileSync(entry, code);
  await startInBackground('wg0', { entry, env: { ...process.env, ...env } });
}
