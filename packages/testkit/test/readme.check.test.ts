import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../../..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

describe('README', () => {
  const examples = [...readme.matchAll(/```js\n(.*?)```/gs)].map(([, example]) => example);

  test('has an example of the device and one of sockets', () => {
    const uses = examples.map((example) => /MemoryTun|NetworkTun/.exec(example)?.[0]);
    expect(uses).toEqual(['MemoryTun', 'NetworkTun']);
  });

  test.each(examples)('has an example of at most 20 lines that runs as pasted: %#', (example) => {
    expect(example.trim().split('\n').length).toBeLessThanOrEqual(20);
    const run = spawnSync(process.execPath, ['--input-type=module', '--eval', example], {
      cwd: root,
      encoding: 'utf8',
      timeout: 30_000,
    });
    expect(run).toMatchObject({ stdout: 'hello\n', stderr: '', status: 0 });
  });

  test.each(['cli', 'core', 'config', 'wasm', 'netstack', 'device', 'net', 'mesh'])(
    'of %s has an example that runs as pasted',
    (name) => {
      const text = readFileSync(join(root, 'packages', name, 'README.md'), 'utf8');
      const [, example = ''] = /```js\n(.*?)```/s.exec(text) ?? [];
      const run = spawnSync(process.execPath, ['--input-type=module', '--eval', example], {
        // The example finds its dependencies here, and the package by its name.
        cwd: join(root, 'packages', name),
        encoding: 'utf8',
        timeout: 30_000,
      });
      expect(run).toMatchObject({ stderr: '', status: 0 });
      expect(run.stdout).not.toBe('');
    },
  );

  test.each(['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md', 'docs/recipes.md'])(
    '%s has only links to existing targets',
    (name) => {
      const text = readFileSync(join(root, name), 'utf8');
      const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, path]) => path);
      expect(links.filter((path) => !existsSync(join(dirname(join(root, name)), path)))).toEqual(
        [],
      );
    },
  );

  test('docs/recipes.md names only existing files', () => {
    const text = readFileSync(join(root, 'docs/recipes.md'), 'utf8');
    const named = [
      ...text.matchAll(/`((?:cli|config|core|device|mesh|tun|udp|bench)\/[\w./-]+)`/g),
    ];
    // A recipe's example names a registry for Consul, which does not exist.
    const paths = named.map(([, path]) => path).filter((path) => !path.includes('consul'));
    const missing = paths.filter((path) => !existsSync(join(root, 'packages', path)));
    expect(missing).toEqual([]);
    expect(paths.length).toBeGreaterThan(40);
  });

  test('README.md, CONTRIBUTING.md and docs/recipes.md name only existing scripts', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const texts = ['README.md', 'CONTRIBUTING.md', 'docs/recipes.md'].map((name) =>
      readFileSync(join(root, name), 'utf8'),
    );
    const named = texts.flatMap((text) => [
      ...text.matchAll(/(?:`pnpm |npx -y pnpm@12\.21\.0 )([\w:-]+)/g),
    ]);
    const known = new Set([...Object.keys(scripts), 'install', 'pack']);
    expect(named.map(([, script]) => script).filter((script) => !known.has(script))).toEqual([]);
    expect(named.length).toBeGreaterThan(3);
  });
});
