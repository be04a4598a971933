import { execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { loadInputFile, readInputFile } from '../../src/uapi/read-input-file.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'litz-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('readInputFile', () => {
  it('reads a file that needs several reads, also through a symbolic link', () => {
    const file = join(folder, 'wg0.conf');
    const text = `# ä\n${'x'.repeat(200_000)}`;
    writeFileSync(file, text);
    symlinkSync('wg0.conf', join(folder, 'link'));
    expect(readInputFile(file)).toBe(text);
    expect(readInputFile(join(folder, 'link'), { refusesPipes: true })).toBe(text);
  });

  it('refuses devices, sockets and folders', async () => {
    expect(() => readInputFile('/dev/zero')).toThrow('it is a device instead of a file');
    expect(() => readInputFile(folder)).toThrow('it is a folder instead of a file');
    expect(() => readInputFile(join(folder, 'none'))).toThrow(/ENOENT/);
    const server = createServer();
    onTestFinished(() => void server.close());
    const socket = join(folder, 's');
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    expect(() => readInputFile(socket)).toThrow('it is a socket instead of a file');
  });

  it('refuses a file with more bytes than the limit', () => {
    const file = join(folder, 'wg0.conf');
    writeFileSync(file, '12345');
    expect(readInputFile(file, { maxLength: 5 })).toBe('12345');
    expect(() => readInputFile(file, { maxLength: 4 })).toThrow('it has more than 4 bytes');
  });

  it('does not wait forever for the other end of a named pipe', () => {
    const path = fifo();
    expect(() => readInputFile(path, { refusesPipes: true })).toThrow('it is a pipe instead');
    expect(() => readInputFile(path, { openMs: 20 })).toThrow(
      'it is a pipe that no program writes to',
    );
    // The other end is open, but nothing is written.
    const fd = openSync(path, 'r+');
    onTestFinished(() => closeSync(fd));
    expect(() => readInputFile(path, { openMs: 20, pipeMs: 60 })).toThrow(
      'it is a pipe whose writer takes over 60 ms',
    );
    writeSync(fd, 'a line without an end');
    expect(() => readInputFile(path, { openMs: 20, pipeMs: 60 })).toThrow(/takes over 60 ms/);
  });

  it('reads a named pipe whose writer comes later', () => {
    const path = fifo();
    spawn('sh', ['-c', `printf '[Interface]\\n' > "$1"; printf 'no more' > /dev/null`, 'sh', path]);
    expect(readInputFile(path)).toBe('[Interface]\n');
  });

  it('reads what a shell gives a program: <(...) and /dev/stdin', () => {
    const module = new URL('../../src/uapi/read-input-file.ts', import.meta.url);
    const script = `
      const { readInputFile } = await import('${module.href.replace('/src/', '/dist/').replace(/ts$/, 'js')}');
      process.stdout.write(JSON.stringify(process.argv.slice(1).map((path) => readInputFile(path))));`;
    const shell = `printf 'from a pipe' | "$0" --input-type=module -e "$1" /dev/stdin <(sleep 0.05; printf late) <(true)`;
    const output = execFileSync('bash', ['-c', shell, process.execPath, script]);
    expect(JSON.parse(output.toString())).toEqual(['from a pipe', 'late', '']);
  });
});

describe('loadInputFile', () => {
  it('reads a file that needs several reads, and a named pipe whose writer comes later', async () => {
    const file = join(folder, 'wg0.conf');
    const text = `# ä\n${'x'.repeat(200_000)}`;
    writeFileSync(file, text);
    await expect(loadInputFile(file)).resolves.toBe(text);
    const path = fifo();
    const loaded = loadInputFile(path);
    spawn('sh', ['-c', `printf '[Interface]\\n' > "$1"`, 'sh', path]);
    await expect(loaded).resolves.toBe('[Interface]\n');
  });

  it('refuses what readInputFile refuses', async () => {
    await expect(loadInputFile('/dev/zero')).rejects.toThrow('it is a device instead of a file');
    await expect(loadInputFile(folder)).rejects.toThrow('it is a folder instead of a file');
    await expect(loadInputFile(join(folder, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
    const file = join(folder, 'wg0.conf');
    writeFileSync(file, '12345');
    await expect(loadInputFile(file, { maxLength: 5 })).resolves.toBe('12345');
    await expect(loadInputFile(file, { maxLength: 4 })).rejects.toThrow('more than 4 bytes');
  });

  it('waits for a pipe without blocking, until a time limit or the signal ends the wait', async () => {
    const path = fifo();
    await expect(loadInputFile(path, { openMs: 20 })).rejects.toThrow(
      'it is a pipe that no program writes to',
    );
    const fd = openSync(path, 'r+');
    onTestFinished(() => closeSync(fd));
    await expect(loadInputFile(path, { openMs: 20, pipeMs: 60 })).rejects.toThrow(
      'it is a pipe whose writer takes over 60 ms',
    );
    const control = new AbortController();
    const loaded = loadInputFile(path, { signal: control.signal });
    // If `loadInputFile` blocked, the abort would come after the limit of 20 s, and the error would
    // be another one.
    setImmediate(() => control.abort(new Error('no longer wanted')));
    await expect(loaded).rejects.toThrow('no longer wanted');
  });
});

function fifo(): string {
  const path = join(folder, 'pipe.conf');
  execFileSync('mkfifo', [path]);
  return path;
}
