import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWith } from '@litz/testkit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FileLock } from '../src/index.ts';
import { linuxCalls } from './requirements.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'litz-lock-'));
  path = join(folder, 'a.lock');
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

describeWith([linuxCalls], 'FileLock', () => {
  test('has one holder at a time, and names it to others', () => {
    const lock = FileLock.take(path, 'the first one');
    expect(() => FileLock.take(path, 'the second one')).toThrow(
      expect.objectContaining({ name: 'FileLockedError', holder: 'the first one' }),
    );
    lock.close();
    FileLock.take(path, 'one').close();
    lock.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('takes over the file of a killed process, and replaces the text in the file', () => {
    writeFileSync(path, 'a process that had a longer text than the next one');
    const lock = FileLock.take(path, 'one');
    expect(() => FileLock.take(path, 'two')).toThrow(/ is locked by one$/);
    lock.close();
  });

  test('is not inherited by a child process', async () => {
    const lock = FileLock.take(path, 'one');
    const child = spawn('sleep', ['60']);
    await once(child, 'spawn');
    lock.close();
    expect(() => FileLock.take(path, 'two').close()).not.toThrow();
    child.kill('SIGKILL');
    await once(child, 'close');
  });

  test('does not remove the file of a later lock when it is closed', () => {
    const lock = FileLock.take(path, 'one');
    rmSync(path);
    const other = FileLock.take(path, 'two');
    lock.close();
    expect(existsSync(path)).toBe(true);
    other.close();
  });

  test('follows no symbolic link', () => {
    symlinkSync(join(folder, 'elsewhere'), path);
    expect(() => FileLock.take(path, 'one')).toThrow('ELOOP');
    expect(readdirSync(folder)).toEqual(['a.lock']);
  });
});
