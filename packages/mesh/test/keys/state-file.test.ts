import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  makeStateFolder,
  readStateFile,
  replaceStateFile,
  StateFileTypeError,
} from '../../src/keys/state-file.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'litz-state-'));
  path = join(folder, 'file');
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('replaceStateFile', () => {
  it('replaces a file with one that only the owner can read, sets its time, and leaves no other file', () => {
    replaceStateFile(path, Buffer.from('before'));
    replaceStateFile(path, Buffer.from('after'), 1_000_000);
    expect(readStateFile(path, 100)).toBe('after');
    const { mode, mtimeMs } = statSync(path);
    expect([mode & 0o777, mtimeMs]).toEqual([0o600, 1_000_000]);
    expect(readdirSync(folder)).toEqual(['file']);
  });

  it('writes pieces one after the other', () => {
    replaceStateFile(path, [Buffer.from('a'), Buffer.from('bc')]);
    expect(readStateFile(path, 100)).toBe('abc');
  });

  it('keeps the previous file if the source of the pieces throws', () => {
    replaceStateFile(path, Buffer.from('before'));
    expect(() => replaceStateFile(path, failingPieces())).toThrow('no more');
    expect(readStateFile(path, 100)).toBe('before');
    expect(readdirSync(folder)).toEqual(['file']);
  });

  it('leaves no file behind if it fails', () => {
    mkdirSync(path);
    expect(() => replaceStateFile(path, Buffer.from('x'))).toThrow('EISDIR');
    expect(readdirSync(folder)).toEqual(['file']);
  });
});

describe('makeStateFolder', () => {
  it('makes all folders of a path for the owner only, and accepts folders that exist already', () => {
    for (let i = 0; i < 2; i++) makeStateFolder(join(path, 'deep'));
    expect(statSync(join(path, 'deep')).mode & 0o777).toBe(0o700);
  });

  it('throws EEXIST if the path is a file', () => {
    replaceStateFile(path, Buffer.from(''));
    expect(() => makeStateFolder(path)).toThrow('EEXIST');
  });
});

describe('readStateFile', () => {
  it('returns undefined if there is no file', () => {
    expect(readStateFile(path, 100)).toBeUndefined();
  });

  it('returns no more bytes than asked for', () => {
    replaceStateFile(path, Buffer.from('abcdef'));
    expect(readStateFile(path, 4)).toBe('abcd');
  });

  it.each([
    ['a pipe', () => execFileSync('mkfifo', [path])],
    ['a folder', () => mkdirSync(path)],
  ])('refuses %s', (_, make) => {
    make();
    expect(() => readStateFile(path, 100)).toThrow(StateFileTypeError);
  });

  it('follows no link', () => {
    symlinkSync('/etc/passwd', path);
    expect(() => readStateFile(path, 100)).toThrow('ELOOP');
  });
});

function* failingPieces(): Generator<Uint8Array> {
  yield Buffer.from('half');
  throw new Error('no more');
}
