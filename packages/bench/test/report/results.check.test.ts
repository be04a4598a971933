import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withFigures, withMeshFigures } from '../../src/report/readme.ts';
import { createReport, readResults } from '../../src/report/report.ts';
import { RESULTS_DIRECTORY } from '../../src/results/result.ts';

const PACKAGE = join(import.meta.dirname, '../..');

describe('RESULTS.md', () => {
  it('and its charts are exactly what the result files produce', () => {
    const report = createReport(readResults(RESULTS_DIRECTORY));
    expect(reportFiles()).toEqual([...report.keys()].sort());
    for (const [path, text] of report) {
      expect({ [path]: readFileSync(join(PACKAGE, path), 'utf8') }).toEqual({ [path]: text });
    }
    // The test draws all charts, which takes long on a busy machine.
  }, 60_000);
});

describe('README.md', () => {
  it('has the figures of the result files', () => {
    const readme = readFileSync(join(PACKAGE, '../../README.md'), 'utf8');
    expect(readme).toBe(withFigures(readme, readResults(RESULTS_DIRECTORY)));
  });
});

describe('docs/mesh.md', () => {
  it('has the figures of the result files', () => {
    const page = readFileSync(join(PACKAGE, '../../docs/mesh.md'), 'utf8');
    expect(page).toBe(withMeshFigures(page, readResults(RESULTS_DIRECTORY)));
  });
});

/** Returns the paths of RESULTS.md and of the existing charts, relative to the package. */
function reportFiles(): string[] {
  const names = readdirSync(PACKAGE, { recursive: false, encoding: 'utf8' });
  const charts = names.includes('charts') ? readdirSync(join(PACKAGE, 'charts')) : [];
  const pages = names.filter((name) => name === 'RESULTS.md');
  return [...pages, ...charts.map((name) => `charts/${name}`)].sort();
}
