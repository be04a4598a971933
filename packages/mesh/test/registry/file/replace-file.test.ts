/**
 * Tests that a file gets its whole new content or none of it.
 *
 * @module
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import * as promises from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { systemFiles, type FileAccess } from '../../../src/registry/file/file-access.ts';
import { replaceFile } from '../../../src/registry/file/replace-file.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const file = { name: 'n1.json', text: 'new' };

describe('replaceFile', () => {
  test('writes a file that all users may read, and leaves no other file', async () => {
    const directory = temporaryDirectory();
    await replaceFile(promises, directory, file);
    expect(readdirSync(directory)).toEqual(['n1.json']);
    expect(readFileSync(join(directory, 'n1.json'), 'utf8')).toBe('new');
    expect(statSync(join(directory, 'n1.json')).mode & 0o777).toBe(0o644);
  });

  test('syncs the text before the rename, and the directory after the rename', async () => {
    const directory = temporaryDirectory();
    const steps: string[] = [];
    await replaceFile(recorded(steps), directory, file);
    expect(steps).toEqual(['write', 'sync', 'rename', 'sync']);
  });

  test('replaces a link, but not the target of the link', async () => {
    const directory = temporaryDirectory();
    const other = join(directory, 'other');
    writeFileSync(other, 'old');
    symlinkSync(other, join(directory, 'n1.json'));
    await replaceFile(promises, directory, file);
    expect(readFileSync(other, 'utf8')).toBe('old');
    expect(readFileSync(join(directory, 'n1.json'), 'utf8')).toBe('new');
  });

  test.each(['write', 'sync', 'rename'])(
    'keeps the old text and leaves no other file if the disk is full at the step %s',
    async (step) => {
      const directory = temporaryDirectory();
      writeFileSync(join(directory, 'n1.json'), 'old');
      await expect(replaceFile(recorded([], step), directory, file)).rejects.toThrow('full');
      expect(readdirSync(directory)).toEqual(['n1.json']);
      expect(readFileSync(join(directory, 'n1.json'), 'utf8')).toBe('old');
    },
  );

  test('accepts a file system that cannot sync a directory', async () => {
    const directory = temporaryDirectory();
    const open = ((path: string, ...rest: number[]) =>
      path === directory
        ? Promise.reject(new Error('can not'))
        : promises.open(path, ...rest)) as typeof promises.open;
    await replaceFile({ ...promises, open }, directory, file);
    expect(existsSync(join(directory, 'n1.json'))).toBe(true);
  });

  test('removes the temporary file of an earlier attempt, and no other file', async () => {
    const directory = temporaryDirectory();
    const others = ['.litz-n10.json-0123456789ab.tmp', '.litz-n1.json-x.tmp', '.other'];
    for (const name of ['.litz-n1.json-0123456789ab.tmp', ...others]) {
      writeFileSync(join(directory, name), '');
    }
    await replaceFile(promises, directory, file);
    expect(readdirSync(directory).toSorted()).toEqual([...others, 'n1.json'].toSorted());
  });

  describe.each([
    ['with an exchange of files', systemFiles],
    ['on a file system without an exchange', promises],
  ])('%s', (_, files) => {
    const change = { ...file, former: 'old' };

    test('replaces a file that still has the former text', async () => {
      const directory = temporaryDirectory();
      writeFileSync(join(directory, 'n1.json'), 'old');
      expect(await replaceFile(files, directory, change)).toBe(true);
      expect(readdirSync(directory)).toEqual(['n1.json']);
      expect(readFileSync(join(directory, 'n1.json'), 'utf8')).toBe('new');
    });

    test('does not make a file again that was deleted during the write', async () => {
      const directory = temporaryDirectory();
      writeFileSync(join(directory, 'n1.json'), 'old');
      const deleting = atSync(files, () => rmSync(join(directory, 'n1.json')));
      expect(await replaceFile(deleting, directory, change)).toBe(false);
      expect(readdirSync(directory)).toEqual([]);
    });

    test('keeps the text that another program wrote meanwhile', async () => {
      const directory = temporaryDirectory();
      writeFileSync(join(directory, 'n1.json'), 'old');
      const writing = atSync(files, () => writeFileSync(join(directory, 'n1.json'), 'other'));
      expect(await replaceFile(writing, directory, change)).toBe(false);
      expect(readdirSync(directory)).toEqual(['n1.json']);
      expect(readFileSync(join(directory, 'n1.json'), 'utf8')).toBe('other');
    });

    test('reports a directory that is gone as an error', async () => {
      const directory = temporaryDirectory();
      writeFileSync(join(directory, 'n1.json'), 'old');
      const removing = atSync(files, () => rmSync(directory, { recursive: true }));
      await expect(replaceFile(removing, directory, change)).rejects.toThrow('ENOENT');
    });
  });

  test('does not undo a deletion at the moment of the exchange', async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'n1.json'), 'old');
    const files: FileAccess = {
      ...promises,
      exchange: async (one, other) => {
        rmSync(other);
        return systemFiles.exchange!(one, other);
      },
    };
    expect(await replaceFile(files, directory, { ...file, former: 'old' })).toBe(false);
    expect(readdirSync(directory)).toEqual([]);
  });

  test('does not replace a directory', async () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'n1.json'));
    await expect(replaceFile(promises, directory, file)).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
    expect(readdirSync(directory)).toEqual(['n1.json']);
  });
});

/** A file system that calls `change` when the new text is on the disk, but not yet renamed. */
function atSync(files: FileAccess, change: () => void): FileAccess {
  let isFirst = true;
  return {
    ...files,
    open: (async (path: string, ...rest: number[]) => {
      const handle = await files.open(path, ...rest);
      const sync = handle.sync.bind(handle);
      handle.sync = async () => {
        await sync();
        if (isFirst) change();
        isFirst = false;
      };
      return handle;
    }) as typeof promises.open,
  };
}

/** The real file system. It adds each step to `steps`, and the disk is full at `failing`. */
function recorded(steps: string[], failing?: string): typeof promises {
  const step = (name: string): void => {
    steps.push(name);
    if (name === failing) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
  };
  return {
    ...promises,
    open: (async (path: string, ...rest: number[]) => {
      const handle = await promises.open(path, ...rest);
      const writeFile = handle.writeFile.bind(handle);
      const sync = handle.sync.bind(handle);
      handle.writeFile = async (text) => {
        step('write');
        return writeFile(text);
      };
      handle.sync = async () => {
        step('sync');
        return sync();
      };
      return handle;
    }) as typeof promises.open,
    rename: async (from, to) => {
      step('rename');
      return promises.rename(from, to);
    },
  };
}
