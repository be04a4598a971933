import { execFileSync } from 'node:child_process';
import { describeWith, programRequirement } from '@litz/testkit';
import { describe, expect, it, test } from 'vitest';
import { commandTree } from '../../src/manual/command-tree.ts';
import { completionScript } from '../../src/manual/completion.ts';
import { createProgram } from '../../src/program.ts';

const root = commandTree(createProgram());

describeWith([programRequirement('bash')], 'completionScript for bash', () => {
  it.each([
    [['litz', 'rel'], ['reload']],
    [['litz', 'up', '--b'], ['--background']],
    [['litz', 'demo', 'm'], ['mesh']],
    [
      ['litz', 'demo', '--form', ''],
      ['auto', 'namespaces', 'user-namespace', 'memory'],
    ],
    [['litz', 'agent', 'rot'], ['rotate-key']],
    [['litz', 'completion', 'f'], []],
  ])('completes %j', (words, expected) => {
    expect(completed(words)).toEqual(expected);
  });
});

describe('completionScript', () => {
  test('has each command and each long option for fish and for zsh', () => {
    const [fish, zsh] = [completionScript('fish', root), completionScript('zsh', root)];
    for (const child of root.children) {
      const word = child.words.at(-1)!;
      expect(fish).toMatch(new RegExp(` -a ${word} -d '`));
      expect(zsh).toContain(`'${word}')`);
    }
    expect(fish).toContain("-l background -d '");
    expect(zsh).toMatch(/^#compdef litz\n/);
  });
});

function completed(words: readonly string[]): string[] {
  const call = 'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _litz; printf "%s\\n" "${COMPREPLY[@]}"';
  const script = `${completionScript('bash', root)}\n${call}`;
  const text = execFileSync('bash', ['-c', script, 'bash', ...words], { encoding: 'utf8' });
  return text.split('\n').filter((line) => line !== '');
}
