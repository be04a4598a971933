import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createReport, readResults, writeReport } from '../../src/report/report.ts';

const FIXTURE = join(import.meta.dirname, 'fixture');

describe('createReport', () => {
  const results = readResults(FIXTURE);

  it('writes the expected page for the results of the fixture', () => {
    const expected = readFileSync(join(FIXTURE, 'RESULTS.md'), 'utf8');
    expect(createReport(results).get('RESULTS.md')).toBe(expected);
  });

  it('writes the same page and charts for the same results in another order', () => {
    const again = createReport(results.toReversed());
    expect([...again]).toEqual([...createReport(results)]);
  });

  it('draws a chart for each unit with more than one subject, and links to it in the page', () => {
    const report = createReport(results);
    const charts = [...report.keys()].filter((path) => path.endsWith('.svg'));
    expect(charts).toEqual([
      'charts/peers-mbit-s.svg',
      'charts/peers-ms.svg',
      'charts/suites-ns.svg',
    ]);
    for (const path of charts) expect(report.get('RESULTS.md')).toContain(`](${path})`);
  });

  it('leaves a subject without a measurement out of a chart', () => {
    const chart = createReport(results).get('charts/peers-mbit-s.svg');
    expect(chart).toMatch(/^<svg /);
    expect(chart).toContain('>wireguard-go<');
    expect(chart).toContain('>6,000<');
    expect(chart).not.toContain('gotatun');
  });

  it('returns no files without results', () => {
    expect(createReport([]).size).toBe(0);
  });
});

describe('writeReport', () => {
  let directory: string;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'litz-report-'));
  });

  afterAll(() => rmSync(directory, { recursive: true }));

  it('writes everything, and removes charts of earlier reports but nothing else', () => {
    mkdirSync(join(directory, 'charts'));
    writeFileSync(join(directory, 'charts/gone.svg'), '<svg/>');
    writeFileSync(join(directory, 'charts/notes.txt'), 'kept');
    const report = new Map([
      ['RESULTS.md', '# Results\n'],
      ['charts/new.svg', '<svg/>\n'],
    ]);
    expect(writeReport(report, directory)).toHaveLength(2);
    expect(readdirSync(join(directory, 'charts')).sort()).toEqual(['new.svg', 'notes.txt']);
    expect(readFileSync(join(directory, 'RESULTS.md'), 'utf8')).toBe('# Results\n');
  });
});
