import { describe, expect, test } from 'vitest';
import { PathMtuTable } from '../../src/ip/path-mtu.ts';
import { IpAddress } from '../../src/wire/ip-address.ts';

const A = IpAddress.from('10.0.0.2');
const B = IpAddress.from('fd00::2');
const LINK = 1420;

/**
 * Tries the lengths that the table asks for, on a path with the MTU `real`, until the table asks
 * for no more. Returns these lengths.
 */
function search(table: PathMtuTable, real: number, now: number): number[] {
  const tried: number[] = [];
  for (let length = table.probeLength(A, LINK, now); length > 0 && tried.length < 100;) {
    tried.push(length);
    if (length <= real) table.passed(A, length, now);
    else table.failed(A, length, now);
    length = table.probeLength(A, LINK, now);
  }
  return tried;
}

describe('PathMtuTable', () => {
  test('lowers the MTU of a path for ten minutes', () => {
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

  test('searches the MTU of a path after a black hole', () => {
    for (const real of [1024, 1031, 1100, 1280, 1300, 1412, LINK]) {
      const table = new PathMtuTable(10);
      expect(table.suspect(A, 1024, LINK, 0)).toBe(true);
      const tried = search(table, real, 0);
      expect(tried[0]).toBe(LINK);
      expect(tried.length).toBeLessThan(9);
      const found = table.of(A, LINK, 0);
      expect(found).toBeLessThanOrEqual(real);
      expect(real - found).toBeLessThan(8);
    }
  });

  test('searches again after ten minutes, and forgets a path ten minutes later if no probe was sent', () => {
    const table = new PathMtuTable(10);
    table.suspect(A, 1024, LINK, 0);
    search(table, 1300, 0);
    const found = table.of(A, LINK, 0);
    const version = table.versionAt(599_999);
    expect(table.probeLength(A, LINK, 599_999)).toBe(0);
    expect(table.versionAt(600_000)).not.toBe(version);
    expect(table.of(A, LINK, 600_000)).toBe(found);
    // The path has become wider.
    expect(search(table, LINK, 600_000)).toEqual([LINK]);
    expect(table.of(A, LINK, 600_000)).toBe(LINK);
    table.suspect(A, 1024, LINK, 700_000);
    expect([table.of(A, LINK, 1_899_999), table.of(A, LINK, 1_900_000)]).toEqual([1024, LINK]);
    expect(table.size).toBe(0);
  });

  test('tries what a router reports during a search; without a search the report is final', () => {
    const table = new PathMtuTable(10);
    table.suspect(A, 1024, LINK, 0);
    expect(table.lower(A, 1200, LINK, 1024, 0)).toBe(false);
    expect(table.probeLength(A, LINK, 0)).toBe(1200);
    table.lower(B, 1300, LINK, LINK, 0);
    expect(table.probeLength(B, LINK, 0)).toBe(0);
    table.passed(B, 1400, 0);
    table.failed(B, 1290, 0);
    expect(table.of(B, LINK, 0)).toBe(1300);
    // The search never begins below the smallest MTU, and never tries more than can be sent.
    expect(table.suspect(B, 1024, 1280, 0)).toBe(false);
    expect(table.probeLength(A, 1150, 0)).toBe(1150);
  });

  test('returns no more than the MTU of the link', () => {
    const table = new PathMtuTable(2);
    table.lower(A, 1400, 1420, LINK, 0);
    expect(table.of(A, 1350, 0)).toBe(1350);
  });
});
