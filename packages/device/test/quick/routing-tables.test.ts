import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readRoutingTables } from '../../src/quick/routing-tables.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'litz-tables-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('readRoutingTables', () => {
  test("returns the kernel's tables if there is no file", () => {
    expect([...readRoutingTables([folder])]).toEqual([
      ['default', 253],
      ['main', 254],
      ['local', 255],
    ]);
  });

  test('reads numbers and names between comments and other lines', () => {
    write('etc/rt_tables', '#\n255\tlocal\n\n 200 office # ours\n0x1f hex\nx y\n7\n');
    const tables = readRoutingTables([join(folder, 'etc'), join(folder, 'usr')]);
    expect(tables.get('office')).toBe(200);
    expect(tables.get('hex')).toBe(31);
    expect(tables.size).toBe(5);
  });

  test('reads the file of the first folder that has it, and the additions of all folders', () => {
    write('etc/rt_tables.d/b.conf', '201 mine\n');
    write('etc/rt_tables.d/b.txt', '202 other\n');
    write('usr/rt_tables', '200 office\n');
    const tables = readRoutingTables([join(folder, 'etc'), join(folder, 'usr')]);
    expect(Object.fromEntries(tables)).toMatchObject({ office: 200, mine: 201 });
    expect(tables.has('other')).toBe(false);
    write('etc/rt_tables', '1 first\n');
    expect(readRoutingTables([join(folder, 'etc'), join(folder, 'usr')]).has('office')).toBe(false);
  });
});

function write(file: string, text: string): void {
  mkdirSync(join(folder, file, '..'), { recursive: true });
  writeFileSync(join(folder, file), text);
}
