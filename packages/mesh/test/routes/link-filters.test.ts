import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Netlink } from '@litz/sys';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LinkFilters } from '../../src/routes/link-filters.ts';

let folder: string;
let values: Map<string, string>;
/** How often a filter was read. */
let reads = 0;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'litz-filters-'));
  values = new Map([
    ['all', '0'],
    ['eth0', '1'],
    ['eth1', '0'],
  ]);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('LinkFilters', () => {
  test('loosens and restores filters, also while the interface of the tunnel is gone', () => {
    const filters = create();
    filters.loosen('eth0');
    expect(values.get('eth0')).toBe('2');
    expect(filters.loosened()).toEqual(new Set(['eth0']));

    filters.restore('eth0');
    expect(values.get('eth0')).toBe('1');
    expect(filters.loosened()).toEqual(new Set());
  });

  test('knows which filters an earlier agent has made loose', () => {
    create().loosen('eth0');

    const filters = create();
    expect(filters.loosened()).toEqual(new Set(['eth0']));
    filters.restore('eth0');
    expect(values.get('eth0')).toBe('1');
  });

  test('uses the larger of the values for `all` and for the link', () => {
    const filters = create();
    expect(filters.isStrict('eth0')).toBe(true);
    expect(filters.isStrict('eth1')).toBe(false);
    values.set('all', '1');
    filters.forget();
    expect(filters.isStrict('eth1')).toBe(true);
    values.set('all', '2');
    filters.forget();
    expect(filters.isStrict('eth0')).toBe(false);
    expect(filters.isStrict('gone0')).toBe(false);
  });

  test('reads a filter again only after `forget`, or after it has changed the filter itself', () => {
    const filters = create();
    const known = (): unknown => [filters.isStrict('eth0'), [...filters.loosened()]];
    expect(known()).toEqual([true, []]);
    const before = reads;
    expect(known()).toEqual([true, []]);
    expect(reads).toBe(before);

    filters.loosen('eth0');
    expect(known()).toEqual([false, ['eth0']]);
    filters.restore('eth0');
    expect(known()).toEqual([true, []]);
    values.set('eth0', '0');
    expect(known()).toEqual([true, []]);
    filters.forget();
    expect(known()).toEqual([false, []]);
  });
});

function create(): LinkFilters {
  const names = ['eth0', 'eth1'];
  const netlink = {
    linkByName: (name: string) =>
      names.includes(name) ? { index: names.indexOf(name) + 1 } : undefined,
    setLink: (index: number, { reversePathFilter }: { reversePathFilter: number }) =>
      values.set(names[index - 1] ?? '', String(reversePathFilter)),
  };
  return new LinkFilters({
    netlink: netlink as unknown as Netlink,
    interfaceName: 'litz0',
    folder,
    sysctl: (name) => {
      reads++;
      return values.get(name.split('/')[3] ?? '');
    },
    namespace: () => '4026531840',
  });
}
