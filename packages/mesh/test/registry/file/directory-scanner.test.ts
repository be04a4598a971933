/**
 * Tests what a scan of the registry's directory returns, and which files it opens.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import * as promises from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { RecordError, type ReadRecord } from '../../../src/record/node-record.ts';
import { DirectoryScanner, recordFileName } from '../../../src/registry/file/directory-scanner.ts';
import type { FileAccess } from '../../../src/registry/file/file-access.ts';
import { recordOf } from '../../records.ts';
import { temporaryDirectory, textOf, writeRecord } from './temporary-directory.ts';

describe('DirectoryScanner', () => {
  test('finds the records by the names of their files', async () => {
    const directory = temporaryDirectory();
    writeRecord(directory, recordOf(1));
    writeRecord(directory, recordOf(2));
    expect(await recordsOf(directory)).toEqual(
      new Map([
        ['n1', recordOf(1)],
        ['n2', recordOf(2)],
      ]),
    );
  });

  test('skips files of other programs, and files that are being written', async () => {
    const directory = temporaryDirectory();
    for (const name of ['README', 'n1.json~', '.n1.json.swp', '.litz-n1.json-0123456789ab.tmp']) {
      writeFileSync(join(directory, name), 'x');
    }
    writeFileSync(join(directory, '.json'), 'x');
    expect((await recordsOf(directory)).size).toBe(0);
  });

  test.each<[string, (directory: string) => void, string]>([
    [
      'a file with a name that no node has',
      (at) => writeFileSync(join(at, 'a b.json'), textOf(recordOf(1))),
      'name',
    ],
    [
      'a file with the name of another node',
      (at) => writeFileSync(join(at, 'n9.json'), textOf(recordOf(1))),
      'name',
    ],
    [
      'a file that is not JSON',
      (at) => writeFileSync(join(at, 'n1.json'), '{"version":1,'),
      'text',
    ],
    ['an empty file', (at) => writeFileSync(join(at, 'n1.json'), ''), 'text'],
    ['a directory', (at) => mkdirSync(join(at, 'n1.json')), 'text'],
    ['a symbolic link', (at) => symlinkSync('/etc/hostname', join(at, 'n1.json')), 'text'],
    ['a symbolic link to nothing', (at) => symlinkSync('nowhere', join(at, 'n1.json')), 'text'],
  ])('reports %s as bad, and reads the others', async (_what, write, field) => {
    const directory = temporaryDirectory();
    write(directory);
    writeRecord(directory, recordOf(2));
    const records = await recordsOf(directory);
    const bad = [...records.values()].filter((record) => record instanceof RecordError);
    expect(bad).toMatchObject([{ field }]);
    expect(records.get('n2')).toEqual(recordOf(2));
  });

  test('opens no pipe and no socket', async () => {
    const directory = temporaryDirectory();
    execFileSync('mkfifo', [join(directory, 'pipe.json')]);
    const server = createServer().listen(join(directory, 'socket.json'));
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    writeRecord(directory, recordOf(2));
    const opened: string[] = [];
    const open: FileAccess['open'] = async (path, ...rest) => {
      opened.push(String(path));
      return promises.open(path, ...rest);
    };
    const scan = await new DirectoryScanner(directory, { ...promises, open }).scan();
    expect(opened).toEqual([join(directory, 'n2.json')]);
    for (const name of ['pipe', 'socket']) {
      expect(scan).toHaveProperty('records');
      expect('records' in scan && scan.records.get(name)).toMatchObject({
        reason: 'is not a regular file',
      });
    }
  });

  test('shows a name with control characters in quotes', async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'a\nb.json'), '{}');
    const [error] = [...(await recordsOf(directory)).values()];
    expect((error as RecordError).message).toContain(String.raw`record of node "a\nb": name`);
  });

  test('reads only changed files, and returns the same objects for the others', async () => {
    const directory = temporaryDirectory();
    writeRecord(directory, recordOf(1));
    writeRecord(directory, recordOf(2));
    const open = vi.fn(promises.open);
    const scanner = new DirectoryScanner(directory, { ...promises, open });
    const first = await found(scanner);
    writeFileSync(join(directory, 'new'), textOf(recordOf(2, { port: 7 })));
    renameSync(join(directory, 'new'), join(directory, 'n2.json'));
    open.mockClear();
    const second = await found(scanner);
    expect(second.get('n1')).toBe(first.get('n1'));
    expect(second.get('n2')).toMatchObject({ port: 7 });
    expect(open).toHaveBeenCalledTimes(1);
  });

  test('sees an edit that changes neither the length nor the modification time of the file', async () => {
    const directory = temporaryDirectory();
    const path = join(directory, 'n1.json');
    writeRecord(directory, recordOf(1, { port: 1111 }));
    utimesSync(path, 1000, 1000);
    const scanner = new DirectoryScanner(directory, promises);
    await found(scanner);
    writeRecord(directory, recordOf(1, { port: 2222 }));
    utimesSync(path, 1000, 1000);
    expect((await found(scanner)).get('n1')).toMatchObject({ port: 2222 });
  });

  test('returns the same object for a file that was written again without a change', async () => {
    const directory = temporaryDirectory();
    writeRecord(directory, recordOf(1));
    const scanner = new DirectoryScanner(directory, promises);
    const first = await found(scanner);
    writeRecord(directory, recordOf(1));
    expect((await found(scanner)).get('n1')).toBe(first.get('n1'));
  });

  test('checks only some of many files in a scan, and all of them after a change', async () => {
    const directory = temporaryDirectory();
    for (let i = 0; i < 600; i++) writeFileSync(join(directory, `n${i}.json`), '{"revoked":true}');
    const lstat = vi.fn(promises.lstat);
    const scanner = new DirectoryScanner(directory, { ...promises, lstat } as typeof promises);
    const looksOf = async (): Promise<number> => {
      lstat.mockClear();
      expect((await found(scanner)).size).toBe(600);
      return lstat.mock.calls.length;
    };
    expect([await looksOf(), await looksOf()]).toEqual([600, 600]);
    const rest = [await looksOf(), await looksOf(), await looksOf()];
    expect(rest.reduce((a, b) => a + b)).toBe(600);
    writeFileSync(join(directory, 'new'), '{"revoked":true}');
    renameSync(join(directory, 'new'), join(directory, 'n7.json'));
    expect(await looksOf()).toBe(600);
  });

  test('reports what is wrong with the directory', async () => {
    const missing = join(temporaryDirectory(), 'nodes');
    const scanner = new DirectoryScanner(missing, promises);
    expect(await scanner.scan()).toEqual({
      trouble: `${missing}: the directory does not exist (ENOENT)`,
    });
    writeFileSync(missing, '');
    expect((await scanner.scan()).trouble).toContain(
      'the path exists, but it is not a directory (ENOTDIR)',
    );
  });

  test.each<[string, Partial<State>, boolean]>([
    ['a change in the directory', { ctimeNs: 30n, mtimeNs: 30n }, true],
    ['another inode number', { ino: 8n }, false],
    ['another device', { dev: 2n }, false],
    ['the same inode number with a later birth time', { birthtimeNs: 40n, ctimeNs: 40n }, false],
  ])(
    'knows whether the path still leads to the same directory: %s',
    async (_what, change, isSame) => {
      expect(await areSame({ birthtimeNs: 10n, ctimeNs: 20n }, change)).toBe(isSame);
    },
  );

  test('does not treat a changed directory as a new one if the system stores no birth times', async () => {
    const [before, after] = [20n, 30n].map((time) => ({ birthtimeNs: time, ctimeNs: time }));
    expect(await areSame(before, after)).toBe(true);
  });

  test('reads all files again in another directory', async () => {
    const path = join(temporaryDirectory(), 'nodes');
    mkdirSync(path);
    writeRecord(path, recordOf(1));
    const scanner = new DirectoryScanner(path, promises);
    await found(scanner);
    renameSync(path, `${path}.old`);
    mkdirSync(path);
    expect((await found(scanner)).size).toBe(0);
  });

  test('ignores a file that is removed during the scan', async () => {
    const directory = temporaryDirectory();
    writeRecord(directory, recordOf(1));
    const readdir = async (path: string): Promise<string[]> => {
      const names = await promises.readdir(path);
      rmSync(join(directory, 'n1.json'), { force: true });
      return names;
    };
    const files = { ...promises, readdir } as typeof promises;
    expect((await found(new DirectoryScanner(directory, files))).size).toBe(0);
  });
});

describe('recordFileName', () => {
  test('has the name of the node', () => expect(recordFileName('n1')).toBe('n1.json'));
});

function recordsOf(directory: string): Promise<ReadonlyMap<string, ReadRecord>> {
  return found(new DirectoryScanner(directory, promises));
}

async function found(scanner: DirectoryScanner): Promise<ReadonlyMap<string, ReadRecord>> {
  const scan = await scanner.scan();
  if (scan.trouble !== undefined) throw new Error(scan.trouble);
  return scan.records;
}

interface State {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly birthtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly mtimeNs: bigint;
}

/** Returns whether a scanner treats both states as states of the same directory. */
async function areSame(before: Partial<State>, change: Partial<State>): Promise<boolean> {
  let state = { dev: 1n, ino: 7n, birthtimeNs: 10n, ctimeNs: 20n, mtimeNs: 20n, ...before };
  const stat = (() => Promise.resolve(state)) as unknown as typeof promises.stat;
  const scanner = new DirectoryScanner(temporaryDirectory(), { ...promises, stat });
  const first = await scanner.scan();
  state = { ...state, ...change };
  return (await scanner.scan()).directory === first.directory;
}
