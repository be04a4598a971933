import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
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
  it('replaces a file, which only its owner can read then', async () => {
    const path = join(folder, 'a');
    writeFileSync(path, 'a longer text than before', { mode: 0o644 });
    const output = await FileOutput.open(path);
    await output.write(Buffer.from('abc'));
    await output.write(Buffer.from('def'));
    await output.close();
    expect(readFileSync(path, 'utf8')).toBe('abcdef');
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('follows a link for packets, but not for keys', async () => {
    symlinkSync(join(folder, 'other'), join(folder, 'link'));
    await (await FileOutput.open(join(folder, 'link'))).close();
    await expect(FileOutput.open(join(folder, 'link'), true)).rejects.toThrow('symbolic link');
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

  it('knows when its reader is gone', async () => {
    const error = Object.assign(new Error('closed'), { code: 'EPIPE' });
    const output = new StreamOutput(
      new Writable({ write: (_bytes, _encoding, taken) => taken(error) }),
    );
    await expect(output.write(Buffer.from('abc'))).rejects.toThrow('EPIPE');
    await expect(output.write(Buffer.from('abc'))).rejects.toThrow('EPIPE');
    expect(output.isReaderGone).toBe(true);
  });
});
