/**
 * Tests of the file with the choices of the administrator.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SavedChoices, SavedChoicesError } from '../../src/agent/saved-choices.ts';

const STARTED = { mode: 'pods', enforcement: 'permissive' } as const;
const CHOSEN = { mode: 'nodes', enforcement: 'enforce' } as const;
let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'litz-choices-'));
  path = join(folder, 'litz0.choices.json');
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('SavedChoices', () => {
  it('continues with the stored choices', () => {
    open().save(CHOSEN);
    expect(open().current).toEqual(CHOSEN);
    expect(open().hasEnforced).toBe(true);
    expect(readdirSync(folder)).toEqual(['litz0.choices.json']);
  });

  it.each([
    [
      'no JSON',
      () => writeFileSync(path, 'garbage'),
      'was not written by an agent; remove the file',
    ],
    ['empty', () => writeFileSync(path, ''), 'was not written by an agent; remove the file'],
    ['a pipe', () => execFileSync('mkfifo', [path]), 'is not a regular file'],
    ['a folder', () => mkdirSync(path), 'is not a regular file'],
    ['a link', () => symlinkSync('/etc/passwd', path), 'cannot be read: is a symbolic link'],
  ])('refuses a file that is %s, and names the file', (_, make, reason) => {
    make();
    expect(() => open()).toThrow(SavedChoicesError);
    expect(() => open()).toThrow(`${path}: ${reason}`);
  });

  it('leaves no temporary file if it cannot write, and keeps the previous choices', () => {
    const choices = open();
    choices.save(CHOSEN);
    const text = readFileSync(path, 'utf8');
    rmSync(path);
    mkdirSync(path);
    expect(() => choices.save(STARTED)).toThrow(
      `${path}: cannot be written: the path is a directory (EISDIR)`,
    );
    expect(choices.current).toEqual(CHOSEN);
    expect(readdirSync(folder)).toEqual(['litz0.choices.json']);
    rmSync(path, { recursive: true });
    writeFileSync(path, text);
    expect(open().current).toEqual(CHOSEN);
  });
});

function open(): SavedChoices {
  return new SavedChoices(folder, 'litz0', STARTED);
}
