/**
 * Tests that a process can hide its memory from other processes, and that it can lock memory.
 */
import { text } from 'node:stream/consumers';
import { describeWith, programRequirement, requirement } from '@litz/testkit';
import { expect, test } from 'vitest';
import { builtSys, runInProcess, WITHOUT_CAPABILITIES } from './built.ts';
import { linuxCalls } from './requirements.ts';

const root = requirement('root', () => process.geteuid?.() === 0 || 'this is not root');
const required = [linuxCalls, builtSys, root, programRequirement('setpriv')];

describeWith(required, 'forbidCoreDumps', () => {
  test('hides the memory from other processes of the user, and sets the limit of core dumps to 0', async () => {
    expect(await seen('')).toMatch(/ open\n$/);
    expect(await seen('sys.forbidCoreDumps()')).toBe('0 EACCES\n');
  });
});

describeWith(required, 'lockMemory', () => {
  test('locks the pages of a view', async () => {
    const child = runInProcess(`
      const { readFileSync } = await import('node:fs');
      const locked = () => Number(/VmLck:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
      const view = sys.allocate(65536).bytes;
      const before = locked();
      console.log(sys.lockMemory(view), locked() - before >= 64, sys.lockMemory(new Uint8Array(0)));`);

    expect(await text(child.stdout)).toBe('true true true\n');
  });

  test('returns false at the limit of locked memory', async () => {
    const child = runInProcess('console.log(sys.lockMemory(sys.allocate(65536).bytes));', [
      'prlimit',
      '--memlock=4096',
      ...WITHOUT_CAPABILITIES,
    ]);

    expect(await text(child.stdout)).toBe('false\n');
  });
});

/**
 * Returns the limit of core dumps after a call, and whether another process of the user can open
 * the memory: `0 EACCES`.
 */
async function seen(call: string): Promise<string> {
  const asUser = ['setpriv', '--reuid', '12345', '--regid', '12345', '--clear-groups'];
  const child = runInProcess(
    `
    ${call};
    const { execFileSync } = await import('node:child_process');
    const { readFileSync } = await import('node:fs');
    const look = 'try { require("fs").openSync("/proc/' + process.pid + '/mem"); console.log("open") }' +
      ' catch (error) { console.log(error.code) }';
    const limit = /^Max core file size +(\\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))[1];
    console.log(limit, execFileSync(process.execPath, ['-e', look]).toString().trim());`,
    asUser,
  );
  return text(child.stdout);
}
