/**
 * Tests how one file of the registry is read.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import * as promises from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readRegularFile } from '../../../src/registry/file/file-access.ts';
import { temporaryDirectory } from './temporary-directory.ts';

describe('readRegularFile', () => {
  test('returns the text of a file', async () => {
    const path = join(temporaryDirectory(), 'n1.json');
    writeFileSync(path, '{"ä":1}');
    expect(await readRegularFile(promises, path)).toEqual({ text: '{"ä":1}' });
  });

  test('returns undefined if there is no file', async () => {
    const path = join(temporaryDirectory(), 'n1.json');
    expect(await readRegularFile(promises, path)).toBeUndefined();
  });

  test('follows no link, not even to a good file', async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'good'), '{}');
    symlinkSync('good', join(directory, 'n1.json'));
    const content = await readRegularFile(promises, join(directory, 'n1.json'));
    expect(content?.reason).toContain('is a symbolic link, which Litz does not follow (ELOOP)');
  });

  test('reports that a path is not a regular file', async () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'n1.json'));
    expect(await readRegularFile(promises, join(directory, 'n1.json'))).toEqual({
      reason: 'is a directory',
    });
    expect(await readRegularFile(promises, '/dev/zero')).toEqual({
      reason: 'is not a regular file',
    });
  });

  test('does not wait for the other end of a pipe', async () => {
    const path = join(temporaryDirectory(), 'n1.json');
    execFileSync('mkfifo', [path]);
    expect(await readRegularFile(promises, path)).toEqual({ reason: 'is not a regular file' });
  });

  test('refuses a file with more bytes than a record can have', async () => {
    const path = join(temporaryDirectory(), 'n1.json');
    writeFileSync(path, 'x'.repeat(300_000));
    expect(await readRegularFile(promises, path)).toEqual({ reason: 'has more than 262144 bytes' });
  });

  test('reports why a file cannot be opened', async () => {
    const denied = Object.assign(new Error('denied'), { code: 'EACCES' });
    const files = { ...promises, open: () => Promise.reject(denied) };
    const content = await readRegularFile(files, '/n1.json');
    expect(content?.reason).toContain('permission denied');
  });
});
