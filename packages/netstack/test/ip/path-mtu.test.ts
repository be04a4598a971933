import { describe, expect, test } from 'vitest';
import { PathMtuTable } from '../../src/ip/path-mtu.ts';
import { IpAddress } from '../../src/wire/ip-address.ts';

const A = IpAddress.from('10.0.0.2');
const B = IpAddress.from('fd00::2');
const LINK = 1420;

describe('PathMtuTable', () => {
  test('lowers a path for ten minutes', () => {
    const table = new PathMtuTable(10);
    expect(table.lower(A, 1300, 1420, LINK, 0)).toBe(true);
    expect([table.of(A, LINK, 599_999), table.of(B, LINK, 0)]).toEqual([1300, LINK]);
    expect([table.of(A, LINK, 600_000), table.size]).toEqual([LINK, 0]);
  });

  test('never raises the MTU of a path, and never lowers it below a useful value', () => {
    const table = new PathMtuTable(10);
    table.lower(A, 1300, 1420, LINK, 0);
    expect(table.lower(A, 1400, 1420, 1300, 0)).toBe(false);
    table.lower(A, 68, 1300, 1300, 0);
    table.lower(B, 68, 1420, LINK, 0);
    expect([table.of(A, LINK, 0), table.of(B, LINK, 0)]).toEqual([552, 1280]);
  });

  test('takes the next usual MTU if a router reports none', () => {
    const table = new PathMtuTable(10);
    table.lower(A, 0, 1420, LINK, 0);
    expect(table.of(A, LINK, 0)).toBe(1006);
    table.lower(A, 0, 1006, 1006, 0);
    expect(table.of(A, LINK, 0)).toBe(552);
  });

  test('keeps the paths that were changed last', () => {
    const table = new PathMtuTable(2);
    const paths = ['10.0.0.3', '10.0.0.4', '10.0.0.5'].map((text) => IpAddress.from(text));
    for (const path of paths) table.lower(path, 1300, 1420, LINK, 0);
    expect(table.size).toBe(2);
    expect(paths.map((path) => table.of(path, LINK, 0))).toEqual([LINK, 1300, 1300]);
  });

  test('is limited by the link', () => {
    const table = new PathMtuTable(2);
    table.lower(A, 1400, 1420, LINK, 0);
    expect(table.of(A, 1350, 0)).toBe(1350);
  });
});
