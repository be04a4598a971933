import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileOutput, StreamOutput } from '../../src/capture/capture-output.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'litz-output-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('FileOutput', () => {
  it('replaces a file, and lets only its owner read it', async () => {
    const path = join(folder, 'a');
    writeFileSync(path, 'a longer text than before', { mode: 0o644 });
    const output = await FileOutput.open(path);
    await output.write(Buffer.from('abc'));
    await output.write(Buffer.from('def'));
    await output.close();
    expect(readFileSync(path, 'utf8')).toBe('abcdef');
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('writes packets through a symbolic link, but no keys', async () => {
    symlinkSync(join(folder, 'other'), join(folder, 'link'));
    await (await FileOutput.open(join(folder, 'link'))).close();
    await expect(FileOutput.open(join(folder, 'link'), true)).rejects.toThrow('symbolic link');
  });

  it('writes keys only to a regular file without rights for other users, and leaves a refused file unchanged', async () => {
    const path = join(folder, 'keys');
    await (await FileOutput.open(path, true)).close();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    writeFileSync(path, 'before');
    const again = await FileOutput.open(path, true);
    await again.write(Buffer.from('new'));
    await again.close();
    expect(readFileSync(path, 'utf8')).toBe('new');
    for (const mode of [0o640, 0o604, 0o620]) {
      chmodSync(path, mode);
      await expect(FileOutput.open(path, true)).rejects.toThrow(
        `cannot write keys to ${path}: it has mode 0${mode.toString(8)}, so other users could read them`,
      );
    }
    expect([readFileSync(path, 'utf8'), statSync(path).mode & 0o777]).toEqual(['new', 0o620]);
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', ['-m', '600', pipe]);
    await expect(FileOutput.open(pipe, true)).rejects.toThrow(/pipe that no program reads/);
    await expect(FileOutput.open('/dev/null', true)).rejects.toThrow('not a regular file');
  });

  it.skipIf(process.getuid?.() !== 0)('writes no keys to a file of another user', async () => {
    const path = join(folder, 'keys');
    writeFileSync(path, 'theirs', { mode: 0o600 });
    chownSync(path, 12_345, 12_345);
    await expect(FileOutput.open(path, true)).rejects.toThrow(
      `cannot write keys to ${path}: it belongs to user 12345, who could read them; remove it`,
    );
    expect([readFileSync(path, 'utf8'), statSync(path).uid]).toEqual(['theirs', 12_345]);
  });

  it('says why it cannot write', async () => {
    await expect(FileOutput.open(join(folder, 'no', 'a'))).rejects.toThrow('no such folder');
    await expect(FileOutput.open(folder)).rejects.toThrow('it is a folder');
    const full = await FileOutput.open('/dev/full');
    await expect(full.write(Buffer.from('abc'))).rejects.toThrow(
      'cannot write /dev/full: the disk is full (ENOSPC)',
    );
    await full.close();
  });
});

describe('StreamOutput', () => {
  it('waits until the stream has taken the bytes', async () => {
    let take!: () => void;
    const stream = new Writable({ write: (_bytes, _encoding, taken) => (take = taken) });
    const output = new StreamOutput(stream);
    let isDone = false;
    const written = output.write(Buffer.from('abc')).then(() => (isDone = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(isDone).toBe(false);
    take();
    await written;
    expect(output.isReaderGone).toBe(false);
  });

  it('says with `isReaderGone` that its reader has ended, after a write has failed with EPIPE', async () => {
    const error = Object.assign(new Error('closed'), { code: 'EPIPE' });
    const output = new StreamOutput(
      new Writable({ write: (_bytes, _encoding, taken) => taken(error) }),
    );
    await expect(output.write(Buffer.from('abc'))).rejects.toThrow('EPIPE');
    await expect(output.write(Buffer.from('abc'))).rejects.toThrow('EPIPE');
    expect(output.isReaderGone).toBe(true);
  });
});
