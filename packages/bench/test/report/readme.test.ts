import { describe, expect, it } from 'vitest';
import { readmeFigures, withFigures, withMeshFigures } from '../../src/report/readme.ts';
import type { Measurement, Result } from '../../src/results/result.ts';

describe('readmeFigures', () => {
  it('compares Litz with the first peer and with the best one', () => {
    const table = readmeFigures([
      result('peers', [
        {
          figure: 'TCP',
          subject: 'litz',
          unit: 'Mbit/s',
          value: 3000,
          samples: [2000, 3000, 4000],
        },
        { figure: 'TCP', subject: 'wireguard-go', unit: 'Mbit/s', value: 2000 },
        { figure: 'TCP', subject: 'boringtun', unit: 'Mbit/s', value: 2500 },
        { figure: 'ping', subject: 'litz', unit: 'ms', value: 0.3 },
        { figure: 'ping', subject: 'wireguard-go', unit: 'ms', value: 0.2 },
        { figure: 'ping', subject: 'boringtun', unit: 'ms', value: null, note: 'not here' },
      ]),
    ]);
    expect(table).toContain('medians of 3 rounds, commit 0123');
    expect(table).toContain('| TCP, Mbit/s ↑ | 3,000 | 2,000 | 2,500 | 1.50 | 1.20 |');
    expect(table).toContain('| ping, ms ↓ | 0.3 | 0.2 | n/a | 1.50 | 1.50 |');
  });

  it('shows only one part of the suites: the cost per message of each provider', () => {
    const table = readmeFigures([
      result('suites', [
        { figure: 'AEAD seal, 64 B', subject: 'noble', unit: 'ns', value: 4000 },
        { figure: 'AEAD seal, 64 B', subject: 'auto', unit: 'ns', value: 170 },
        { figure: 'X25519', subject: 'noble', unit: 'ns', value: 1 },
        { figure: 'split', subject: 'litz', unit: 'ns', value: 1 },
      ]),
    ]);
    expect(table).toContain('| figure | noble | auto |');
    expect(table).toContain('| AEAD seal, 64 B, ns | 4,000 | 170 |');
    expect(table).not.toContain('X25519');
  });
});

describe('withFigures', () => {
  const place = '<!-- figures: made by `pnpm bench:report` -->\nold\n<!-- end of figures -->';

  it('replaces the text between the comments, also a second time', () => {
    const once = withFigures(`before\n${place}\nafter`, []);
    expect(once).toBe(`before\n${place.replace('\nold', '\n')}\nafter`);
    expect(withFigures(once, [])).toBe(once);
  });

  it('refuses a text without the comments', () => {
    expect(() => withFigures('# Litz', [])).toThrow('the README has no <!-- figures');
  });
});

describe('withMeshFigures', () => {
  const place =
    '<!-- figures of the mesh: made by `pnpm bench:report` -->\nold\n<!-- end of figures -->';

  it('writes a table with a column for each registry between the comments', () => {
    const mesh = result('mesh', [
      { figure: 'at rest: writes', subject: 'etcd', unit: 'writes', value: 0 },
      { figure: 'at rest: writes', subject: 'kubernetes', unit: 'writes', value: 1 },
    ]);
    const page = withMeshFigures(`before\n${place}\nafter`, [mesh]);
    expect(page).toContain('| figure | etcd | kubernetes |');
    expect(page).toContain('| at rest: writes, writes | 0 | 1 |');
    expect(page).not.toContain('old');
    expect(withMeshFigures(page, [mesh])).toBe(page);
  });

  it('refuses a text without the comments', () => {
    expect(() => withMeshFigures('# Mesh', [])).toThrow('the page has no <!-- figures of the mesh');
  });
});

function result(bench: Result['bench'], measurements: Measurement[]): Result {
  const environment = {
    processor: 'a processor',
    cores: 2,
    memoryGiB: 4,
    platform: 'linux x64',
    kernel: '6.1',
    node: '20.20.2',
    v8: '11',
    openssl: '3',
    commit: '0123',
    date: '2026-01-01T00:00:00Z',
  };
  return { bench, environment, settings: { rounds: 3 }, measurements };
}
