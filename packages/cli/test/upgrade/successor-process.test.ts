import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { SuccessorProcess } from '../../src/upgrade/successor-process.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'litz-successor-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('SuccessorProcess', () => {
  test('is killed although a program that it has started keeps standard error open', async () => {
    const successor = start('sleep 60 & echo $! > "$0.pid"; echo begins >&2; wait');
    const grandchild = await vi.waitUntil(() => numberIn('program.pid'), { timeout: 4000 });
    try {
      await successor.kill();
      expect(successor.isKilled).toBe(true);
      expect(successor.end).toBe('it ended (SIGKILL): begins');
    } finally {
      process.kill(grandchild);
    }
  });

  test('names the exit code and the last line of a program that ended by itself', async () => {
    const successor = start('echo one >&2; echo two >&2; exit 3');
    await vi.waitUntil(() => successor.end !== undefined, { timeout: 4000 });
    await successor.kill();
    expect(successor.isKilled).toBe(false);
    expect(successor.end).toBe('it ended (exit code 3): two');
  });

  test('says that a program cannot be started', async () => {
    const env = { LITZ_UPGRADE_EXEC: join(folder, 'none') };
    const successor = new SuccessorProcess({ socket: '/nowhere', env });
    await successor.kill();
    expect(successor.pid).toBe(-1);
    expect(successor.end).toMatch(/^it cannot be started: .*ENOENT/);
  });
});

function start(script: string): SuccessorProcess {
  const program = join(folder, 'program');
  writeFileSync(program, `#!/bin/sh\n${script}\n`, { mode: 0o700 });
  const env = { ...process.env, LITZ_UPGRADE_EXEC: program };
  return new SuccessorProcess({ socket: '/nowhere', env });
}

function numberIn(name: string): number {
  try {
    return Number(readFileSync(join(folder, name), 'utf8'));
  } catch {
    return 0;
  }
}
