/**
 * Tests of the file registry with a simulated clock and watch.
 *
 * @module
 */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import * as promises from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { RecordError } from '../../../src/record/node-record.ts';
import { systemFiles } from '../../../src/registry/file/file-access.ts';
import {
  FileRegistry,
  type FileRegistryOptions,
} from '../../../src/registry/file/file-registry.ts';
import { recordOf } from '../../records.ts';
import { RecordingListener } from '../recording-listener.ts';
import { temporaryDirectory, writeRecord } from './temporary-directory.ts';

describe('FileRegistry', () => {
  test('notices a change through its watch, shortly after the last change', async () => {
    const { path, listener, clock, watch } = await following();
    writeRecord(path, recordOf(1));
    watch.change();
    watch.change();
    await clock.pass(20);
    expect(listener.records.get('n1')).toEqual(recordOf(1));
  });

  test('notices changes without a watch, every two seconds', async () => {
    const { path, listener, clock } = await following({
      watch: () => {
        throw new Error('no watches here');
      },
    });
    writeRecord(path, recordOf(1));
    expect(clock.waiting).toEqual([2000]);
    await clock.pass(2000);
    expect(listener.records.has('n1')).toBe(true);
  });

  test('scans a directory that changes all the time', async () => {
    const { path, listener, clock, watch } = await following();
    writeRecord(path, recordOf(1));
    watch.change();
    const pass = clock.pass(20);
    watch.change();
    await pass;
    expect(listener.records.has('n1')).toBe(true);
  });

  test('does not report a half-written record, and keeps the previous one', async () => {
    const { path, listener, clock, watch } = await following(undefined, [1]);
    const file = join(path, 'n1.json');
    const text = readFileSync(file, 'utf8').replace('51871', '7');
    writeFileSync(file, text.slice(0, 50));
    watch.change();
    await clock.pass(20);
    appendFileSync(file, text.slice(50));
    watch.change();
    await clock.pass(20);
    expect(listener.heard.slice(1)).toMatchObject([{ what: 'record', record: { port: 7 } }]);
  });

  test('reports a record that stays bad', async () => {
    const { path, listener, clock } = await following(undefined, [1]);
    writeFileSync(join(path, 'n1.json'), 'x');
    await clock.pass(2000);
    expect(listener.records.get('n1')).toEqual(recordOf(1));
    await clock.pass(2000);
    expect(listener.records.get('n1')).toBeInstanceOf(RecordError);
  });

  test('does not report a file as gone while an editor replaces it', async () => {
    const { path, listener, clock, watch } = await following(undefined, [1]);
    renameSync(join(path, 'n1.json'), join(path, 'n1.json~'));
    watch.change();
    await clock.pass(20);
    writeRecord(path, recordOf(1));
    await clock.pass(100);
    expect(listener.heard).toHaveLength(1);
  });

  test('reports `deleted` for a record whose file stays away', async () => {
    const { path, listener, clock, watch } = await following(undefined, [1, 2]);
    rmSync(join(path, 'n1.json'));
    watch.change();
    await clock.pass(20);
    await clock.pass(100);
    expect(listener.heard.slice(1)).toEqual([{ what: 'gone', name: 'n1', why: 'deleted' }]);
  });

  test('keeps the nodes while the directory is missing, and follows it again afterwards', async () => {
    const { path, listener, clock } = await following(undefined, [1, 2]);
    renameSync(path, `${path}.away`);
    await clock.pass(2000);
    expect(listener.trouble).toBe(`${path}: the directory does not exist (ENOENT)`);
    rmSync(join(`${path}.away`, 'n2.json'));
    renameSync(`${path}.away`, path);
    await clock.pass(2000);
    expect(listener.heard.slice(2)).toEqual([
      { what: 'connection', trouble: undefined },
      { what: 'gone', name: 'n2', why: 'expired' },
      { what: 'sync', names: ['n1'] },
    ]);
  });

  test('reports `expired`, not `deleted`, for records that are missing in a new directory', async () => {
    const { path, listener, clock, watch } = await following(undefined, [1]);
    renameSync(path, `${path}.away`);
    mkdirSync(path);
    writeRecord(path, recordOf(2));
    await clock.pass(2000);
    expect(listener.heard.slice(1)).toEqual([
      { what: 'gone', name: 'n1', why: 'expired' },
      { what: 'sync', names: ['n2'] },
    ]);
    await clock.pass(20);
    writeRecord(path, recordOf(3));
    watch.change();
    await clock.pass(20);
    expect(listener.records.has('n3')).toBe(true);
  });

  test('writes its own record into a new directory, and retries until that succeeds', async () => {
    const { path, registry, listener, clock, files } = await following();
    await registry.publish(recordOf(1));
    await clock.pass(20);
    renameSync(path, `${path}.away`);
    mkdirSync(path);
    files.fail = 'EROFS';
    await clock.pass(2000);
    expect(listener.trouble).toContain('the file system is read-only (EROFS)');
    files.fail = undefined;
    await clock.pass(20);
    expect(readdirSync(path)).toEqual(['n1.json']);
    await clock.pass(20);
    expect(listener.trouble).toBeUndefined();
    expect(listener.records.get('n1')).toEqual(recordOf(1));
  });

  test('does not write its own record again after it was deleted', async () => {
    const { path, registry, listener, clock } = await following();
    await registry.publish(recordOf(1));
    await clock.pass(20);
    rmSync(join(path, 'n1.json'));
    for (const ms of [2000, 100, 2000]) await clock.pass(ms);
    expect(listener.why('n1')).toBe('deleted');
    expect(readdirSync(path)).toEqual([]);
  });

  test.each([
    ['deleted', (file: string) => rmSync(file), []],
    ['revoked', (file: string) => revoke(file), ['n1.json']],
  ])(
    'keeps the change of an administrator who has %s the record during a write',
    async (_, change, left) => {
      const { path, registry, listener, clock, files } = await following();
      await registry.publish(recordOf(1));
      await clock.pass(20);
      files.atWrite = () => change(join(path, 'n1.json'));
      const published = registry.publish(recordOf(1, { port: 7 }));
      await expect(published).rejects.toThrow('the record was removed meanwhile');
      // The registry has not noticed the change of the administrator yet.
      const again = registry.publish(recordOf(1, { port: 7 }));
      await expect(again).rejects.toThrow('the record was removed meanwhile');
      for (const ms of left.length > 0 ? [20] : [20, 100]) await clock.pass(ms);
      expect(listener.why('n1')).toBe('deleted');
      expect(readdirSync(path)).toEqual(left);
      expect(left.length > 0 && readFileSync(join(path, 'n1.json'), 'utf8')).not.toContain(
        '"port":7',
      );
    },
  );

  test('writes a removed record again if it is published after the report of the removal', async () => {
    const { path, registry, listener, clock, watch } = await following();
    await registry.publish(recordOf(1));
    await clock.pass(20);
    rmSync(join(path, 'n1.json'));
    watch.change();
    for (const ms of [20, 100]) await clock.pass(ms);
    expect(listener.why('n1')).toBe('deleted');
    await registry.publish(recordOf(1));
    expect(readdirSync(path)).toEqual(['n1.json']);
  });

  test('keeps the fields that another program writes into the record during a write', async () => {
    const { path, registry, files } = await following();
    await registry.publish(recordOf(1));
    const file = join(path, 'n1.json');
    files.atWrite = () => {
      writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), zone: 'b' }));
    };
    await registry.publish(recordOf(1, { port: 7 }));
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ port: 7, zone: 'b' });
  });

  test('gives up when another program changes the record at every attempt', async () => {
    const { path, registry, files } = await following();
    await registry.publish(recordOf(1));
    const file = join(path, 'n1.json');
    let count = 0;
    const change = (): void => {
      files.atWrite = change;
      writeFileSync(
        file,
        JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), n: count++ }),
      );
    };
    files.atWrite = change;
    const published = registry.publish(recordOf(1, { port: 7 }));
    await expect(published).rejects.toThrow('other programs change the file again and again');
    expect(count).toBe(5);
  });

  test('does not write a withdrawn record again', async () => {
    const { path, registry, clock } = await following();
    await registry.publish(recordOf(1));
    await registry.withdraw('n1');
    renameSync(path, `${path}.away`);
    mkdirSync(path);
    for (const ms of [20, 20, 2000]) await clock.pass(ms);
    expect(readdirSync(path)).toEqual([]);
  });

  test('makes the directory for its first record', async () => {
    const path = join(temporaryDirectory(), 'deep/nodes');
    const registry = new FileRegistry(path);
    await registry.publish(recordOf(1));
    expect(readdirSync(path)).toEqual(['n1.json']);
  });

  test('does not create its directory again after it was removed', async () => {
    const { path, registry } = await following();
    renameSync(path, `${path}.away`);
    await expect(registry.publish(recordOf(1))).rejects.toThrow(
      `n1.json cannot be written in ${path}: the directory does not exist (ENOENT)`,
    );
    expect(existsSync(path)).toBe(false);
  });

  test.each([
    ['ENOSPC', 'the disk is full (ENOSPC)'],
    ['EACCES', 'permission denied: run as the owner, or change the permissions (EACCES)'],
    ['EDQUOT', 'the disk quota of this user is exceeded (EDQUOT)'],
  ])('reports why a record cannot be written: %s', async (code, reason) => {
    const { path, registry, files } = await following();
    files.fail = code;
    await expect(registry.publish(recordOf(1))).rejects.toThrow(reason);
    expect(readdirSync(path)).toEqual([]);
    files.fail = undefined;
    await registry.publish(recordOf(1));
  });

  test('refuses a name that is a path', async () => {
    const { registry } = await following();
    await expect(registry.publish({ ...recordOf(1), name: '../n1' })).rejects.toThrow(RecordError);
  });

  test('writes in the order of the calls of `publish`', async () => {
    const { path, registry } = await following();
    const ports = Array.from({ length: 10 }, (_, i) => i + 1);
    await Promise.all(ports.map((port) => registry.publish(recordOf(1, { port }))));
    expect(readFileSync(join(path, 'n1.json'), 'utf8')).toContain('"port":10');
    expect(readdirSync(path)).toEqual(['n1.json']);
  });

  test('revokes a node whose record is not JSON', async () => {
    const { path, registry, listener, clock } = await following();
    writeFileSync(join(path, 'n1.json'), 'x');
    await registry.withdraw('n1');
    await clock.pass(20);
    expect(JSON.parse(readFileSync(join(path, 'n1.json'), 'utf8'))).toMatchObject({
      revoked: true,
    });
    expect(listener.why('n1')).toBe('deleted');
  });

  test('leaves no timer and no watch when it is closed', async () => {
    const { registry, clock, watch } = await following();
    await registry.close();
    expect(clock.waiting).toEqual([]);
    expect(watch.isOpen).toBe(false);
  });
});

/** Sets `revoked` in a record, as an administrator does. */
function revoke(file: string): void {
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), revoked: true }));
}

/** A clock that the test moves. */
class TestClock {
  #timers: { ms: number; run: () => void }[] = [];

  get waiting(): number[] {
    return this.#timers.map(({ ms }) => ms);
  }

  schedule = (ms: number, run: () => void): (() => void) => {
    const timer = { ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  };

  /**
   * Runs the only timer, which must be `ms` long, and waits until the registry starts the next one.
   */
  async pass(ms: number): Promise<void> {
    await this.settle();
    if (String(this.waiting) !== String(ms))
      throw new Error(`the registry waits ${this.waiting.join()} ms`);
    const [timer] = this.#timers.splice(0);
    timer.run();
    await this.settle();
  }

  /** Waits until the scan is over. A scan ends by starting a timer. */
  async settle(): Promise<void> {
    while (this.#timers.length === 0) await new Promise(setImmediate);
  }
}

class TestWatch {
  #onChange: (() => void) | undefined;

  get isOpen(): boolean {
    return this.#onChange !== undefined;
  }

  watch = (_path: string, onChange: () => void): (() => void) => {
    this.#onChange = onChange;
    return () => {
      this.#onChange = undefined;
    };
  };

  change(): void {
    this.#onChange?.();
  }
}

/** Follows a registry of a directory that has the records of these nodes. */
async function following(options: FileRegistryOptions = {}, numbers: number[] = []) {
  const path = join(temporaryDirectory(), 'nodes');
  mkdirSync(path);
  for (const number of numbers) writeRecord(path, recordOf(number));
  const clock = new TestClock();
  const watch = new TestWatch();
  const files = {
    fail: undefined as string | undefined,
    /** Called once, when the registry begins to write a file. */
    atWrite: undefined as (() => void) | undefined,
  };
  const open = (async (name: string, flags: number, mode?: number) => {
    if (mode !== undefined && files.fail !== undefined) {
      throw Object.assign(new Error('refused'), { code: files.fail });
    }
    if (mode !== undefined) {
      const { atWrite } = files;
      files.atWrite = undefined;
      atWrite?.();
    }
    return promises.open(name, flags, mode);
  }) as typeof promises.open;
  const registry = new FileRegistry(path, {
    schedule: clock.schedule,
    watch: watch.watch,
    files: { ...systemFiles, open },
    ...options,
  });
  const listener = new RecordingListener();
  registry.follow(listener);
  await clock.settle();
  onTestFinished(() => registry.close());
  return { path, registry, listener, clock, watch, files };
}
