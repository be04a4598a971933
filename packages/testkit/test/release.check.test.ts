/**
 * Tests release/: what changes in a manifest, which faults are found in a tarball, and how packages
 * get their next version.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';

const root = join(import.meta.dirname, '../../..');

describe('publishedManifest', { timeout: 60_000 }, () => {
  test('has versions instead of ranges of the workspace, and nothing for development', () => {
    const manifest = {
      name: '@litz/x',
      files: ['dist'],
      scripts: { build: 'x' },
      exports: { '.': { default: './dist/index.js' }, './worker': './dist/a/worker.js' },
      dependencies: { '@litz/core': 'workspace:*', '@noble/hashes': 'catalog:', undici: '^7.30.2' },
      devDependencies: { vitest: 'catalog:' },
    };
    const { version } = JSON.parse(
      readFileSync(join(root, 'packages/core/package.json'), 'utf8'),
    ) as { version: string };
    const placed = `new Map([['a/worker.js', 'worker.js']])`;
    expect(call('stage', `publishedManifest(${JSON.stringify(manifest)}, ${placed})`)).toEqual({
      name: '@litz/x',
      files: ['dist', 'CHANGELOG.md'],
      exports: { '.': { default: './dist/index.js' }, './worker': './dist/worker.js' },
      dependencies: { '@litz/core': version, '@noble/hashes': '2.4.0', undici: '^7.30.2' },
    });
  });

  test('refuses a range that npm does not know', () => {
    const manifest = { files: [], exports: {}, dependencies: { x: 'link:../x' } };
    expect(() =>
      call('stage', `publishedManifest(${JSON.stringify(manifest)}, new Map())`),
    ).toThrow('x has a range that npm does not know: link:../x');
  });
});

describe('repositoryFields', { timeout: 60_000 }, () => {
  test('returns the fields of the workspace, with the folder of the package', () => {
    const workspace = { repository: { type: 'git', url: 'git+https://host.example/a/litz.git' } };
    expect(call('repository', `repositoryFields(${JSON.stringify(workspace)}, 'core')`)).toEqual({
      homepage: 'https://host.example/a/litz/tree/main/packages/core#readme',
      bugs: 'https://host.example/a/litz/issues',
      repository: {
        type: 'git',
        url: 'git+https://host.example/a/litz.git',
        directory: 'packages/core',
      },
    });
    expect(call('repository', `repositoryFields({}, 'core')`)).toEqual({});
  });
});

describe('checkRepository', { timeout: 60_000 }, () => {
  const env = `{ GITHUB_SERVER_URL: 'https://host.example', GITHUB_REPOSITORY: 'a/litz' }`;

  test.each([
    ['{}', 'package.json has no "repository"'],
    [`{ repository: { url: 'git+https://host.example/b/litz.git' } }`, 'is git+https://host.ex'],
  ])('refuses %s, before anything is published', (manifest, message) => {
    expect(() => call('repository', `checkRepository(${manifest}, ${env})`)).toThrow(message);
  });

  test('accepts the repository in which the workflow runs', () => {
    const manifest = `{ repository: { url: 'git+https://host.example/a/litz.git' } }`;
    expect(call('repository', `checkRepository(${manifest}, ${env}) ?? 'accepted'`)).toBe(
      'accepted',
    );
  });
});

describe('faultsOf', { timeout: 60_000 }, () => {
  test('finds an entry without its file, and an entry without types', () => {
    const folder = emptyFolder();
    const exports = { '.': { default: './index.js' }, './gone': { default: './gone.js' } };
    const manifest = { name: 'x', version: '1.0.0', type: 'module', exports };
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
    writeFileSync(join(folder, 'index.js'), 'export const a = 1;\n');
    execFileSync('npm', ['pack', '--silent'], { cwd: folder });
    const tarball = JSON.stringify({ name: 'x', file: join(folder, 'x-1.0.0.tgz') });
    const faults = call('check', `await faultsOf(${tarball})`) as string[];
    expect(faults.join('\n')).toMatch(/x: publint: .*gone\.js/);
    expect(faults.join('\n')).toMatch(/x: attw: .*NoTypes/);
  });
});

describe('the next version', { timeout: 60_000 }, () => {
  test('is the same for all packages and the chart, and has an entry in the changelog', () => {
    const folder = emptyFolder();
    for (const path of ['package.json', 'pnpm-workspace.yaml', '.changeset', 'release', 'deploy'])
      cpSync(join(root, path), join(folder, path), { recursive: true });
    for (const name of readdirSync(join(root, 'packages'))) {
      mkdirSync(join(folder, 'packages', name), { recursive: true });
      for (const file of ['package.json', 'CHANGELOG.md']) {
        const path = join('packages', name, file);
        if (readdirSync(join(root, 'packages', name)).includes(file))
          cpSync(join(root, path), join(folder, path));
      }
    }
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    execFileSync('git', ['init', '--quiet'], { cwd: folder });
    const changeset = '---\n"@litz/udp": major\n---\n\nA change that users notice.\n';
    writeFileSync(join(folder, '.changeset/one.md'), changeset);
    execFileSync(process.execPath, ['release/version.mjs'], { cwd: folder, stdio: 'pipe' });

    const text = (path: string): string => readFileSync(join(folder, path), 'utf8');
    expect(text('packages/udp/CHANGELOG.md')).toContain('- A change that users notice.');
    expect(text('packages/core/CHANGELOG.md')).toContain('## 1.0.0');
    expect(text('packages/cli/package.json')).toContain('"version": "1.0.0"');
    expect(text('packages/mesh/package.json')).toContain('"version": "1.0.0"');
    expect(text('deploy/chart/litz/Chart.yaml')).toContain('appVersion: 1.0.0');
    expect(text('deploy/README.md')).toContain('litz:1.0.0');
  });
});

/** Returns the value of an expression that calls an export of a module of release/. */
function call(module: string, expression: string): unknown {
  const [, name = ''] = /(\w+)\(/.exec(expression) ?? [];
  const code = `import { ${name} } from './release/${module}.mjs';
    process.stdout.write(JSON.stringify(${expression}));`;
  const args = ['--input-type=module', '--eval', code];
  return JSON.parse(
    execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8', stdio: 'pipe' }),
  ) as unknown;
}

function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'litz-release-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}
