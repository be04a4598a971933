/**
 * Tests that the manifests of the published packages agree, and that the version and the repository
 * are the same wherever they are named.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../../..');

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly description?: string;
  readonly keywords?: readonly string[];
  readonly license?: string;
  readonly type?: string;
  readonly repository?: unknown;
  readonly homepage?: unknown;
  readonly bugs?: unknown;
  readonly engines?: object;
  readonly publishConfig?: object;
  readonly dependencies?: Readonly<Record<string, string>>;
}

const workspace = manifestOf('.');
const published = readdirSync(join(root, 'packages'))
  .map((folder): [string, Manifest] => [folder, manifestOf(join('packages', folder))])
  .filter(([, manifest]) => !manifest.private);

describe('manifests', () => {
  test.each(published)('are complete: %s', (folder, manifest) => {
    expect(manifest).toMatchObject({
      name: folder === 'cli' ? 'litz' : `@litz/${folder}`,
      version: manifestOf('packages/cli').version,
      description: expect.stringMatching(/^[A-Zw].{10,110}[^.]$/) as string,
      license: workspace.license,
      type: 'module',
      engines: workspace.engines,
      publishConfig: { access: 'public', provenance: true },
    });
    expect(manifest.keywords).toContain('wireguard');
    expect(new Set(manifest.keywords).size).toBe(manifest.keywords?.length);
  });

  // release/stage.mjs takes the repository from the workspace, so all packages have the same
  // repository.
  test.each(published)(
    'name no repository, because the workspace names it for all: %s',
    (_, manifest) => {
      const { repository, homepage, bugs } = manifest;
      expect({ repository, homepage, bugs }).toEqual({});
    },
  );

  test.each(published)('use packages of Litz with exactly their own version: %s', (_, manifest) => {
    const ranges = Object.entries(manifest.dependencies ?? {})
      .filter(([name]) => name === 'litz' || name.startsWith('@litz/'))
      .map(([, range]) => range);
    expect(new Set(ranges)).toEqual(new Set(ranges.length === 0 ? [] : ['workspace:*']));
  });

  test.each(published)('have a changelog with their version: %s', (folder, { name, version }) => {
    const text = readFileSync(join(root, 'packages', folder, 'CHANGELOG.md'), 'utf8');
    expect(text).toMatch(new RegExp(`^# ${name}\n\n## ${version.replaceAll('.', '\\.')}\n`));
  });

  test('exist for exactly the packages to which changesets gives one common version', () => {
    const config = JSON.parse(readFileSync(join(root, '.changeset/config.json'), 'utf8')) as {
      fixed: string[][];
    };
    const [litz = '', scoped = ''] = config.fixed[0] ?? [];
    const folders = /^@litz\/\{(.*)\}$/.exec(scoped)?.[1]?.split(',') ?? [];
    expect([litz, ...folders].toSorted()).toEqual(
      published.map(([folder]) => (folder === 'cli' ? 'litz' : folder)).toSorted(),
    );
  });

  test('have the version that the chart and deploy/README.md name', () => {
    const { version } = manifestOf('packages/cli');
    const chart = readFileSync(join(root, 'deploy/chart/litz/Chart.yaml'), 'utf8');
    expect(chart).toContain(`\nversion: ${version}\nappVersion: ${version}\n`);
    expect(readFileSync(join(root, 'deploy/README.md'), 'utf8')).toContain(`litz:${version} `);
  });
});

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as Manifest;
}
