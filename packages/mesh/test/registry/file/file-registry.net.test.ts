/**
 * The file registry on a real file system, with the real watch and clock.
 *
 * @module
 */
import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWith, requirement } from '@litz/testkit';
import { describe, expect, onTestFinished, test } from 'vitest';
import { FileRegistry } from '../../../src/registry/file/file-registry.ts';
import { recordOf } from '../../records.ts';
import { describeRegistry, type RegistryFixture } from '../conformance.ts';
import { RecordingListener } from '../recording-listener.ts';
import { temporaryDirectory } from './temporary-directory.ts';

describeRegistry('FileRegistry', () => Promise.resolve(directoryFixture()));

describe('FileRegistry', () => {
  test('notices a change by this machine within half a second', async () => {
    const path = temporaryDirectory();
    const { listener } = await following(new FileRegistry(path));
    const started = performance.now();
    await new FileRegistry(path).publish(recordOf(1));
    await listener.until(({ records }) => records.has('n1'));
    expect(performance.now() - started).toBeLessThan(500);
  });

  test('notices changes by polling if the system does not report them', async () => {
    const path = temporaryDirectory();
    const { listener } = await following(new FileRegistry(path, { watch: () => () => {} }));
    await new FileRegistry(path).publish(recordOf(1));
    await listener.until(({ records }) => records.has('n1'), 5000);
    expect(listener.records.get('n1')).toEqual(recordOf(1));
  });

  test('follows a directory that is removed and created again', async () => {
    const path = join(temporaryDirectory(), 'nodes');
    const registry = new FileRegistry(path);
    await registry.publish(recordOf(1));
    const { listener } = await following(registry);
    rmSync(path, { recursive: true });
    await listener.until(({ trouble }) => trouble !== undefined, 5000);
    mkdirSync(path);
    await listener.until(({ trouble, syncs }) => syncs > 1 && trouble === undefined, 5000);
    await new FileRegistry(path).publish(recordOf(2));
    await listener.until(({ records }) => records.has('n1') && records.has('n2'), 5000);
    expect(await readdir(path)).toHaveLength(2);
  });
});

/** The right to mount a file system of 64 KiB in memory. */
const tmpfs = requirement('mount a tmpfs', () => {
  const { path, unmount } = smallDisk();
  unmount();
  rmSync(path, { recursive: true });
});

describeWith([tmpfs], 'FileRegistry on a full disk', () => {
  test('reports a full file system, keeps the old record, and writes when there is space again', async () => {
    const { path, unmount } = smallDisk();
    onTestFinished(unmount);
    const registry = new FileRegistry(path);
    await registry.publish(recordOf(1));
    const before = readFileSync(join(path, 'n1.json'), 'utf8');
    fill(path);
    const changed = registry.publish(recordOf(1, { port: 7 }));
    await expect(changed).rejects.toThrow('the disk is full (ENOSPC)');
    expect((await readdir(path)).toSorted()).toEqual(['filling', 'n1.json']);
    expect(readFileSync(join(path, 'n1.json'), 'utf8')).toBe(before);
    rmSync(join(path, 'filling'));
    await registry.publish(recordOf(1, { port: 7 }));
    expect(readFileSync(join(path, 'n1.json'), 'utf8')).toContain('"port":7');
  });
});

function directoryFixture(): RegistryFixture {
  const parent = mkdtempSync(join(tmpdir(), 'litz-registry-'));
  const path = join(parent, 'nodes');
  const fileOf = (name: string): string => join(path, `${name}.json`);
  const jsonOf = (name: string): Record<string, unknown> =>
    JSON.parse(readFileSync(fileOf(name), 'utf8')) as Record<string, unknown>;
  mkdirSync(path);
  return {
    open: () => Promise.resolve(new FileRegistry(path)),
    version(name) {
      const { ino, mtimeNs } = statSync(fileOf(name), { bigint: true });
      return Promise.resolve(`${ino}:${mtimeNs}`);
    },
    addUnknownField(name) {
      writeFileSync(fileOf(name), JSON.stringify({ ...jsonOf(name), zone: 'b' }));
      return Promise.resolve();
    },
    hasUnknownField: (name) => Promise.resolve(jsonOf(name)['zone'] === 'b'),
    writeBadRecord(name) {
      writeFileSync(fileOf(name), '{"version":1}');
      return Promise.resolve();
    },
    deleteByHand: (name) => rm(fileOf(name)),
    breakOff() {
      renameSync(path, `${path}.away`);
      writeFileSync(path, '');
      return Promise.resolve();
    },
    mend() {
      rmSync(path);
      renameSync(`${path}.away`, path);
      return Promise.resolve();
    },
    async clear() {
      for (const name of await readdir(path)) rmSync(join(path, name), { recursive: true });
    },
    close: () => rm(parent, { recursive: true }),
  };
}

async function following(registry: FileRegistry): Promise<{ listener: RecordingListener }> {
  const listener = new RecordingListener();
  registry.follow(listener);
  onTestFinished(() => registry.close());
  await listener.until(({ syncs }) => syncs === 1);
  return { listener };
}

function smallDisk(): { path: string; unmount: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'litz-disk-'));
  const { status, stderr, error } = spawnSync(
    'mount',
    ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', path],
    { encoding: 'utf8' },
  );
  if (status !== 0) {
    rmSync(path, { recursive: true });
    throw error ?? new Error(stderr.trim());
  }
  return { path, unmount: () => spawnSync('umount', [path]) };
}

function fill(path: string): void {
  try {
    writeFileSync(join(path, 'filling'), Buffer.alloc(128 * 1024));
  } catch {
    // The error is expected: the file system is full.
  }
}
