import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LooseFilters, type FilterHost } from '../src/loose-filters.ts';

let folder: string;
let host: FakeFilters;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'litz-filters-'));
  host = new FakeFilters();
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('LooseFilters', () => {
  test('restores a filter when the tunnel ends', () => {
    up('wg0')();
    expect(host.values.get('eth0')).toBe('1');
  });

  test('returns the filters that a tunnel loosened', () => {
    up('wg0');
    host.links.add('wg1');
    const others = filters();
    others.loosen('eth1', 'wg1');

    expect(others.loosenedFor('wg0')).toEqual(['eth0']);
    expect(others.loosenedFor('wg1')).toEqual(['eth1']);
    expect(others.loosenedFor('wg2')).toEqual([]);
  });

  test.each([
    ['first', [0, 1]],
    ['second', [1, 0]],
  ])('leaves a filter loose until both tunnels have ended, if the %s ends first', (_, order) => {
    const downs = [up('wg0'), up('wg1')];
    downs[order[0]]();
    expect(host.values.get('eth0')).toBe('2');
    downs[order[1]]();
    expect(host.values.get('eth0')).toBe('1');
  });

  test('restores the value that a filter had before a killed tunnel, whether the next tunnel has the same name or another one', () => {
    for (const [killed, next] of [
      ['wg0', 'wg0'],
      ['wg0', 'wg1'],
    ] as const) {
      up(killed);
      host.links.delete(killed);
      expect(filters().loosened()).toEqual(['eth0']);
      up(next)();
      expect(host.values.get('eth0')).toBe('1');
      expect(filters().loosened()).toEqual([]);
    }
  });

  test('returns the filters that only killed tunnels need', () => {
    const down = up('wg0');
    up('wg1');
    expect(filters().leftOver()).toEqual([]);
    host.links.delete('wg1');
    expect(filters().leftOver()).toEqual([]);
    host.links.delete('wg0');
    expect(filters().leftOver()).toEqual(['eth0']);
    host.values.set('eth0', '0');
    expect(filters().leftOver()).toEqual([]);
    host.values.set('eth0', '2');
    down();
    expect(filters().leftOver()).toEqual([]);
  });

  test.each(['wg0', 'wg1'])(
    'lets %s, which needs no loose filter, restore the filter after wg0 was killed',
    (name) => {
      up('wg0');
      host.links.delete('wg0');
      host.links.add(name);
      filters().restore('eth0', name);
      expect(host.values.get('eth0')).toBe('1');
      expect(readdirSync(folder, { recursive: true })).toEqual(['rp_filter']);
    },
  );

  test('does not keep a filter loose for a killed tunnel', () => {
    const down = up('wg0');
    up('wg1');
    host.links.delete('wg1');
    down();
    expect(host.values.get('eth0')).toBe('1');
  });

  test('does not change a value that another program has set meanwhile', () => {
    const down = up('wg0');
    host.values.set('eth0', '0');
    down();
    expect(host.values.get('eth0')).toBe('0');
  });

  test('does not restore the recorded value of a filter that another program has set', () => {
    up('wg0');
    host.links.delete('wg0');
    host.values.set('eth0', '0');
    expect(filters().loosened()).toEqual([]);
    up('wg0')();
    expect(host.values.get('eth0')).toBe('0');
  });

  test('keeps filters of different interfaces separate', () => {
    const down = up('wg0');
    filters().loosen('eth1', 'wg0');
    down();
    expect([...host.values]).toEqual([
      ['eth0', '1'],
      ['eth1', '2'],
    ]);
  });

  test('leaves a filter loose for a tunnel that begins while another one ends', () => {
    const down = up('wg0');
    up('killed');
    host.links.delete('killed');
    const { links } = host;
    host.hasLink = (name) => {
      // This runs while wg0 ends. wg0 has listed the other tunnels already, so it does not see wg1.
      if (name === 'killed' && !links.has('wg1')) up('wg1');
      return links.has(name);
    };
    down();
    expect(host.values.get('eth0')).toBe('2');
  });

  test('keeps the recorded value if it could not be restored', () => {
    const down = up('wg0');
    host.isReadOnly = true;
    expect(down).toThrow(/EROFS/);
    host.isReadOnly = false;
    host.links.delete('wg0');
    expect(filters().leftOver()).toEqual(['eth0']);
    up('wg1')();
    expect(host.values.get('eth0')).toBe('1');
  });

  test('restores the filter when two tunnels end at once and each sees the other', () => {
    const down = upBesideOneThatEnds();
    down();
    expect(host.values.get('eth0')).toBe('1');
  });

  test('keeps the record when the last of two tunnels that end at once cannot restore the filter', () => {
    const down = upBesideOneThatEnds();
    host.isReadOnly = true;
    expect(down).toThrow(/EROFS/);
    host.isReadOnly = false;
    host.links.delete('wg0');
    up('wg2')();
    expect(host.values.get('eth0')).toBe('1');
  });

  test('loosens the filter again and records its value, if another tunnel restores the filter meanwhile', () => {
    up('killed');
    host.links.delete('killed');
    const { values } = host;
    host.filter = (link) => {
      host.filter = (other) => values.get(other);
      const value = values.get(link);
      filters().restore(link, 'other');
      return value;
    };
    const down = up('wg0');
    expect(host.values.get('eth0')).toBe('2');
    down();
    expect(host.values.get('eth0')).toBe('1');
  });

  test('leaves no file after the tunnel has ended', () => {
    up('wg0')();
    expect(readdirSync(folder, { recursive: true })).toEqual(['rp_filter']);
  });

  test('works for a single tunnel if nothing can be recorded', () => {
    const file = join(folder, 'no-folder');
    writeFileSync(file, '');
    const alone = new LooseFilters(file, host);
    host.links.add('wg0');
    alone.loosen('eth0', 'wg0');
    expect(host.values.get('eth0')).toBe('2');
    alone.restore('eth0', 'wg0');
    expect(host.values.get('eth0')).toBe('1');
  });

  test('does not throw at the end if the interface with the filter is gone', () => {
    const down = up('wg0');
    host.values.delete('eth0');
    expect(down).not.toThrow();
  });
});

/** Starts a tunnel that loosens the filter of eth0. @returns a function that ends the tunnel */
function up(tunnel: string): () => void {
  const own = filters();
  host.links.add(tunnel);
  own.loosen('eth0', tunnel);
  return () => {
    own.restore('eth0', tunnel);
    host.links.delete(tunnel);
  };
}

/**
 * Starts wg0 and wg1. While wg0 ends, wg1 ends just after wg0 has seen it.
 *
 * @returns a function that ends wg0
 */
function upBesideOneThatEnds(): () => void {
  const down = up('wg0');
  const downOther = up('wg1');
  const { links } = host;
  host.hasLink = (name) => {
    host.hasLink = (other) => links.has(other);
    if (name === 'wg1') downOther();
    return true;
  };
  return down;
}

function filters(): LooseFilters {
  return new LooseFilters(folder, host);
}

/** A host with the reverse path filters of eth0 and eth1. `links` has the tunnels that exist. */
class FakeFilters implements FilterHost {
  readonly links: Set<string> = new Set();
  isReadOnly = false;
  readonly values: Map<string, string> = new Map([
    ['eth0', '1'],
    ['eth1', '1'],
  ]);

  hasLink(name: string): boolean {
    return this.links.has(name);
  }

  filter(link: string): string | undefined {
    return this.values.get(link);
  }

  setFilter(link: string, value: string): void {
    if (this.isReadOnly) throw new Error('write: EROFS');
    this.values.set(link, value);
  }

  namespace(): string {
    return '4026531840';
  }
}
