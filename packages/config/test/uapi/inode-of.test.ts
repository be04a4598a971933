import { lstatSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { inodeOf } from '../../src/uapi/inode-of.ts';

let folder: string;

beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'litz-inode-'))));
afterEach(() => rmSync(folder, { recursive: true }));

it('inodeOf returns the same number after a file was moved, and a different number for another file', () => {
  const [first, second, moved] = ['first', 'second', 'moved'].map((name) => join(folder, name));
  for (const file of [first, second]) writeFileSync(file, '');
  const inode = inodeOf(first);
  expect(inode).toBe(BigInt(lstatSync(first).ino));
  renameSync(first, moved);
  expect(inodeOf(moved)).toBe(inode);
  expect(inodeOf(second)).not.toBe(inode);
});

it('inodeOf returns undefined if there is no file, and does not follow a symbolic link', () => {
  const link = join(folder, 'link');
  expect(inodeOf(link)).toBeUndefined();
  symlinkSync(join(folder, 'absent'), link);
  expect(inodeOf(link)).toBe(BigInt(lstatSync(link).ino));
});
