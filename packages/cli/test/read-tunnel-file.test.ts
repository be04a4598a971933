import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readTunnelFile } from '../src/read-tunnel-file.ts';

describe('readTunnelFile', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'litz-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each([
    ['a private file in a public folder', 0o600, 0o755, 0],
    ['a public file in a private folder', 0o644, 0o700, 0],
    ['a public file in a public folder', 0o644, 0o755, 1],
  ])('warns only if both the file and its folder are public: %s', (_, mode, folderMode, count) => {
    const file = join(folder, 'wg0.conf');
    writeFileSync(file, '[Interface]\n');
    chmodSync(file, mode);
    chmodSync(folder, folderMode);
    const warnings: string[] = [];
    expect(readTunnelFile(file, (line) => warnings.push(line))).toBe('[Interface]\n');
    expect(warnings).toHaveLength(count);
  });

  test('names a file that is missing or is a folder', () => {
    expect(() => readTunnelFile('/nowhere/wg0.conf', () => {})).toThrow(
      'cannot read /nowhere/wg0.conf: there is no such file (ENOENT)',
    );
    expect(() => readTunnelFile(folder, () => {})).toThrow(
      /^cannot read .*: it is a folder instead of a file$/,
    );
  });

  test('refuses a device, a pipe that no program writes to, and every pipe if `refusesPipes` is true', () => {
    expect(() => readTunnelFile('/dev/zero', () => {})).toThrow(
      'cannot read /dev/zero: it is a device instead of a file',
    );
    const pipe = join(folder, 'pipe.conf');
    execFileSync('mkfifo', [pipe]);
    expect(() => readTunnelFile(pipe, () => {}, { openMs: 10 })).toThrow(
      `cannot read ${pipe}: it is a pipe that no program writes to`,
    );
    expect(() => readTunnelFile(pipe, () => {}, { refusesPipes: true })).toThrow(
      `cannot read ${pipe}: it is a pipe instead of a file`,
    );
  });
});
