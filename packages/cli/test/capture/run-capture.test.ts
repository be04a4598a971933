import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { runCapture } from '../../src/capture/run-capture.ts';

describe('runCapture', () => {
  it.each(['--key-log', '--embed-keys'])('refuses a symbolic link for keys (%s)', async (flag) => {
    const folder = mkdtempSync(join(tmpdir(), 'litz-capture-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const isRoot = vi.spyOn(process, 'getuid').mockReturnValue(0);
    onTestFinished(() => isRoot.mockRestore());
    const [link, target] = [join(folder, 'link'), join(folder, 'target')];
    writeFileSync(target, 'other');
    symlinkSync(target, link);
    const flags =
      flag === '--key-log'
        ? { write: join(folder, 'out'), keyLog: link }
        : { write: link, embedKeys: true as const };
    await expect(runCapture('litz-none0', flags)).rejects.toThrow('it is a symbolic link');
    expect(readFileSync(target, 'utf8')).toBe('other');
  });
});
