/**
 * The `@example`s in the doc blocks of all packages: each type-checks in a strict project of a
 * user, runs, and prints what its `//=>` comments say. `examples.net.test.ts` runs the examples
 * that need root.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeWith, requirement } from '../src/index.ts';
import { ExampleProject, readExamples } from './example-project.ts';
import { examplesIn } from './examples.ts';

const builtPackages = requirement('the built packages', () =>
  existsSync(join(import.meta.dirname, '../../cli/dist/index.d.ts')) ? true : 'run `tsc -b` first',
);
const examples = readExamples();

describeWith([builtPackages], 'the examples of the packages', () => {
  let project: ExampleProject;
  let errors: string[];

  beforeAll(() => {
    project = new ExampleProject(examples);
    errors = project.compile();
  }, 90_000);

  afterAll(() => project.remove());

  test('all have a block of TypeScript', () => {
    expect(examples.filter(({ code }) => code === '').map(({ place }) => place)).toEqual([]);
  });

  test('type-check in a strict project', () => {
    expect(errors).toEqual([]);
  });

  test.concurrent.each(examples.filter(({ needsRoot }) => !needsRoot))(
    '$place runs, and prints what its comments say',
    async (example) => {
      const { status, stdout, stderr } = await project.run(example);
      expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
      expect(stdout).toBe(example.output ?? stdout);
    },
    60_000,
  );
});

describe('examplesIn', () => {
  test('finds the code, its line and what it prints', () => {
    const source = block('@example', '```ts', 'const a = 1;', '', 'log(a); //=> 1', '```');
    expect(examplesIn(source)).toEqual([
      { line: 7, code: 'const a = 1;\n\nlog(a); //=> 1', needsRoot: false, output: '1\n' },
    ]);
  });

  test('finds each example of a doc block with several', () => {
    const one = ['@example With a title', '```ts', 'f();', '```'];
    const two = ['@example', 'Some words.', '```ts', '// As root, on Linux.', 'g();', '```'];
    expect(examplesIn(block(...one, ...two)).map(({ code }) => code)).toEqual([
      'f();',
      '// As root, on Linux.\ng();',
    ]);
    expect(examplesIn(block(...one, ...two)).map(({ needsRoot }) => needsRoot)).toEqual([
      false,
      true,
    ]);
  });

  test('reports an example without a block of TypeScript as one without code', () => {
    expect(examplesIn(block('@example', 'f();', '@throws x')).map(({ code }) => code)).toEqual([
      '',
    ]);
    const stolen = block('@example', '@example', '```ts', 'f();', '```');
    expect(examplesIn(stolen).map(({ code }) => code)).toEqual(['', 'f();']);
  });

  test('ignores a block outside of @example, and a comment that is not a doc block', () => {
    expect(examplesIn(block('```ts', 'f();', '```'))).toEqual([]);
    expect(examplesIn('/* @example\n```ts\nf();\n``` */')).toEqual([]);
  });
});

function block(...lines: string[]): string {
  return `
/**
 * Returns a key.
 *
${lines.map((line) => ` * ${line}`).join('\n')}
 */
export const key = 1;
`;
}
