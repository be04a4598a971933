/**
 * Tests of `replaceProcess`, which executes a program in place of the process.
 */
import { text } from 'node:stream/consumers';
import { describeWith } from '@litz/testkit';
import { expect, test } from 'vitest';
import { replaceProcess } from '../src/index.ts';
import { builtSys, runInProcess } from './built.ts';
import { linuxCalls } from './requirements.ts';

describeWith([linuxCalls, builtSys], 'replaceProcess', () => {
  test('keeps the process ID, the arguments and a descriptor that was named', async () => {
    const body = `
      const { openSync, fstatSync } = await import('node:fs');
      const [one, other] = [openSync('/dev/null'), openSync('/dev/null')];
      const code = "const { existsSync } = require('node:fs'); console.log(JSON.stringify([" +
        "process.pid, process.argv.slice(1), process.env.X, existsSync('/proc/self/fd/" + one + "'), " +
        "existsSync('/proc/self/fd/" + other + "')]))";
      sys.replaceProcess(process.execPath, ['node', '-e', code, 'ä b', ''],
        { env: { X: 'y', PATH: process.env.PATH }, descriptors: [one] });`;

    const child = runInProcess(body);

    expect(JSON.parse(await text(child.stdout))).toEqual([
      child.pid,
      ['ä b', ''],
      'y',
      true,
      false,
    ]);
  });

  test('continues if the program cannot be executed', async () => {
    const child = runInProcess(`
      try { sys.replaceProcess('/nonexistent', ['x']); } catch (error) { console.log(error.message); }`);

    expect(await text(child.stdout)).toBe('cannot execute /nonexistent: execve: ENOENT\n');
  });

  test('refuses arguments that C would read differently, and continues', () => {
    expect(() => replaceProcess('/bin/true', ['a\0b'])).toThrow(/"args" expected no zero/);
  });
});
