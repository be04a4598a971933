import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ReadyFile } from '../../src/service/ready-file.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'litz-ready-'));
  path = join(folder, 'ready');
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('ReadyFile', () => {
  it('exists from show to close', () => {
    const file = new ReadyFile(path);
    expect(readdirSync(folder)).toEqual([]);
    file.show();
    expect(readdirSync(folder)).toEqual(['ready']);
    file.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('removes a file that a killed process has left', () => {
    writeFileSync(path, '');
    new ReadyFile(path).forgetEarlier();
    expect(existsSync(path)).toBe(false);
  });

  it('leaves the file of the process that has taken its place', () => {
    const [old, successor] = [new ReadyFile(path), new ReadyFile(path)];
    old.show();
    successor.show();
    old.close();
    expect(existsSync(path)).toBe(true);
    successor.close();
    expect(existsSync(path)).toBe(false);
  });

  it('removes nothing if it was never shown', () => {
    writeFileSync(path, '');
    new ReadyFile(path).close();
    expect(existsSync(path)).toBe(true);
  });

  it('refuses a folder that does not exist, and names it', () => {
    expect(() => new ReadyFile(join(folder, 'none', 'ready'))).toThrow(
      /--ready-file: ENOENT.*none/,
    );
  });
});
