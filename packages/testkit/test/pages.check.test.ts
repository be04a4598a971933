/**
 * Tests the pages for users in docs/: their examples run, their commands exist, and their links
 * lead somewhere.
 *
 * @module
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createProgram } from '../../cli/src/program.ts';

const root = join(import.meta.dirname, '../../..');
const pages = readdirSync(join(root, 'docs'))
  .filter((name) => name.endsWith('.md'))
  .map((name) => `docs/${name}`);

describe('pages', { timeout: 60_000 }, () => {
  const examples = pages.flatMap((page) => blocksOf(page, /^js$/).map((code) => ({ page, code })));

  test.each(examples)('have an example that runs as pasted: $page', ({ code }) => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--input-type=module', '--eval', code],
      // In docs, all packages are installed.
      { cwd: join(root, 'docs'), encoding: 'utf8', timeout: 30_000 },
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const expected = [...code.matchAll(/console\.log\(.*\/\/ (.*)$/gm)].map(([, text]) => text);
    expect(stdout.trim().split('\n')).toEqual(expected);
  });

  test('have examples', () => {
    expect(examples.length).toBeGreaterThanOrEqual(2);
  });

  test.each(pages)('%s has only links to existing targets', (page) => {
    const targets = [...textOf(page).matchAll(/\]\((?![a-z]+:|#)([^)#\s]+)/g)];
    const missing = targets
      .map(([, path = '']) => path)
      .filter((path) => !existsSync(join(root, dirname(page), path)));
    expect(missing).toEqual([]);
  });

  const commands = pages.flatMap((page) => {
    return blocksOf(page, /^(?:sh)?$/).flatMap((code) =>
      code
        .replaceAll(/\\\n\s*/g, '')
        .split('\n')
        .flatMap((line) => /^(?:\w+=\S+ )*litz (?=[\w-])([^#|<>]*)/.exec(line)?.[1]?.trim() ?? [])
        .map((words) => ({ page, words })),
    );
  });

  test('have blocks with commands of litz', () => {
    expect(commands.length).toBeGreaterThan(15);
  });

  test.each(commands)('$page: litz $words has a command and flags that exist', ({ words }) => {
    const [first = '', second = ''] = words.split(' ');
    const program = createProgram();
    const command = program.commands.find((one) => one.name() === first);
    // Without a command, the first word is a flag or the name of an interface, as for wireguard-go.
    expect(command?.name() ?? first).toMatch(command ? /./ : /^(?:--?[a-z]+|wg\d|litz\d)$/);
    const { options } =
      command?.commands.find((one) => one.name() === second) ?? command ?? program;
    const flags = options.flatMap(({ long, short }) => [long, short]);
    const used = words.match(/(?<= |^)--?[a-z][\w-]*/g) ?? [];
    expect(used.filter((flag) => !flags.includes(flag))).toEqual([]);
  });
});

/** Returns the code blocks whose language matches. */
function blocksOf(page: string, language: RegExp): string[] {
  const blocks = [...textOf(page).matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)];
  return blocks.filter(([, name = '']) => language.test(name)).map(([, , code = '']) => code);
}

function textOf(page: string): string {
  return readFileSync(join(root, page), 'utf8');
}
