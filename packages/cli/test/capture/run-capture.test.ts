import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runCapture } from '../../src/capture/run-capture.ts';

const posix = process.platform === 'win32' ? describe.skip : describe;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'litz-run-capture-'));
  // `runCapture` gives keys only to root. Everything else in these tests needs no rights.
  vi.spyOn(process, 'getuid').mockReturnValue(0);
});

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

posix('runCapture', () => {
  it.each([
    ['--embed-keys', { embedKeys: true }],
    ['--key-log', { keyLog: 'link' }],
  ] as const)('writes no keys through a symbolic link: %s', async (_, flags) => {
    const [link, target] = [join(folder, 'link'), join(folder, 'target')];
    symlinkSync(target, link);
    const write = 'keyLog' in flags ? join(folder, 'capture') : link;
    const keyLog = 'keyLog' in flags ? { keyLog: link } : flags;
    await expect(runCapture('none0', { write, ...keyLog })).rejects.toThrow(
      /it is a symbolic link \(ELOOP\), which is refused for keys/,
    );
    expect(existsSync(target)).toBe(false);
  });

  it('refuses the same file for the capture and the keys', async () => {
    const flags = { write: join(folder, 'x'), keyLog: `${folder}/./x` };
    await expect(runCapture('none0', flags)).rejects.toThrow('expected different files');
    expect(existsSync(join(folder, 'x'))).toBe(false);
  });
});
