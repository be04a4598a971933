import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runHook } from '../../src/quick/run-hook.ts';

let folder: string;
let output: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'litz-hook-'));
  output = '';
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('runHook', () => {
  test('passes on what a hook writes to stdout and to stderr', async () => {
    await run('echo one; echo two >&2');
    expect(output.trim().split('\n').toSorted()).toEqual(['one', 'two']);
  });

  test('runs in bash, in the locale C, with the given environment', async () => {
    await run('[[ x == @(x|y) ]] && echo "$LC_ALL $INTERFACE"', {
      env: { ...process.env, INTERFACE: 'wg0' },
    });
    expect(output).toBe('C wg0\n');
  });

  // The same commands fail under wg-quick, which evaluates them with `set -e` and `pipefail`.
  test.each([
    ['exit 3', 'it ended with exit code 3'],
    ['false; true', 'it ended with exit code 1'],
    ['false | true', 'it ended with exit code 1'],
    ['kill -USR1 $$', 'it was ended by SIGUSR1'],
    ['no-such-program-of-litz', 'it ended with exit code 127'],
  ])('rejects when "%s" fails', async (command, message) => {
    await expect(run(command)).rejects.toThrow(message);
  });

  test('says that there is no bash', async () => {
    await expect(run('true', { env: { PATH: folder } })).rejects.toThrow('there is no bash');
  });

  test('ends a hook that takes too long, and the processes that it started', async () => {
    const file = join(folder, 'pid');
    const late = run(`sleep 600 & echo $! > ${file}; wait`, { limitMs: 500 });
    await expect(late).rejects.toThrow('it did not end within 0.5 s');
    expect(existsSync(`/proc/${readFileSync(file, 'utf8').trim()}/exe`)).toBe(false);
  });

  test('ends a hook by force if it ignores SIGTERM', async () => {
    const late = run("trap '' TERM; echo trapped; while :; do sleep 600; done", { limitMs: 300 });
    await expect(late).rejects.toThrow('it did not end within 0.3 s');
    expect(output).toBe('trapped\n');
  });

  test('ends processes that the hook starts while it is being aborted', async () => {
    // The shell starts processes while the abort looks for them. Each of these processes would
    // write to a file a little later.
    for (let round = 0; round < 10; round++) {
      const controller = new AbortController();
      const file = join(folder, `late-${round}`);
      const script = `echo go; for i in 1 2 3 4 5 6; do (sleep 0.3; echo "$i" >> ${file}) & done; wait`;
      const hook = runHook(script, {
        signal: controller.signal,
        onOutput: () => controller.abort(new Error('Ctrl-C')),
      });
      await expect(hook).rejects.toThrow('Ctrl-C');
    }
    await run('sleep 0.5');
    expect(readdirSync(folder)).toEqual([]);
  });

  test('ends the hook when it is aborted, and rejects with the reason', async () => {
    const controller = new AbortController();
    const options = {
      signal: controller.signal,
      onOutput: () => controller.abort(new Error('Ctrl-C')),
    };
    await expect(runHook('echo started; sleep 600', options)).rejects.toThrow('Ctrl-C');
  });

  test('does not wait for what a hook leaves in the background', async () => {
    await run('sleep 20 & echo $!');
    expect(process.kill(Number(output))).toBe(true);
  });
});

function run(command: string, options: Parameters<typeof runHook>[1] = {}): Promise<void> {
  return runHook(command, { onOutput: (bytes) => (output += String(bytes)), ...options });
}
