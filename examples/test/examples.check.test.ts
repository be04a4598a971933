/**
 * Checks that every example with a `main.ts` is in the README and is run by a test.
 *
 * @module
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const examples = join(import.meta.dirname, '..');
const names = readdirSync(examples).filter((name) => existsSync(join(examples, name, 'main.ts')));

describe('examples', () => {
  test('include these folders', () => {
    expect(names).toEqual(
      expect.arrayContaining([
        'fetch-over-tunnel',
        'http-over-tunnel',
        'node-to-node',
        'run-loop',
        'server-behind-nat',
        'two-peers-in-memory',
      ]),
    );
  });

  test.each(names)('have a line in the README with the command that runs %s', (name) => {
    const readme = readFileSync(join(examples, 'README.md'), 'utf8');
    const line = readme.split('\n').find((text) => text.startsWith(`| [${name}](${name}/main.ts)`));
    expect(line).toContain(`\`node examples/dist/${name}/main.js\``);
  });

  test.each(names)('have a test that runs %s', (name) => {
    const tests = readFileSync(join(import.meta.dirname, 'examples.net.test.ts'), 'utf8');
    expect(tests).toMatch(new RegExp(`(run|start)Example\\('${name}'`));
  });
});
