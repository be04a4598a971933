import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWith, programRequirement } from '@litz/testkit';
import { describe, expect, it, onTestFinished, test } from 'vitest';
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

describeWith([programRequirement('fish')], 'completionScript for fish', () => {
  it.each([
    ['litz rel', ['reload']],
    ['litz up --b', ['--background']],
    ['litz demo m', ['mesh']],
    ['litz demo --form ', ['auto', 'memory', 'namespaces', 'user-namespace']],
    ['litz agent rot', ['rotate-key']],
  ])('completes %j', (line, expected) => {
    const file = join(mkdtempSync(join(tmpdir(), 'litz-fish-')), 'litz.fish');
    writeFileSync(file, completionScript('fish', root));
    const script = `source ${file}; complete -C ${JSON.stringify(line)}`;
    const text = execFileSync('fish', ['--no-config', '-c', script], { encoding: 'utf8' });
    expect(
      text
        .trimEnd()
        .split('\n')
        .map((one) => one.split('\t')[0]),
    ).toEqual(expected);
  });
});

describeWith(
  [programRequirement('zsh'), programRequirement('script')],
  'completionScript for zsh',
  () => {
    it('completes at the first Tab and at later Tabs', async () => {
      const shell = new Zsh();
      onTestFinished(() => shell.end());
      for (const [typed, completed] of [
        ['litz rel', 'reload'],
        ['litz rel', 'reload'],
        ['litz up --b', 'up --background'],
        ['litz demo --form mem', 'demo --form memory'],
        ['litz agent rot', 'agent rotate-key'],
      ] as const) {
        expect(await shell.complete(typed, completed)).toBe(completed);
      }
    });
  },
);

describe('completionScript', () => {
  test('has each command of litz for fish and for zsh, and long options for fish', () => {
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

/** A zsh on a terminal, in which a function `litz` prints its arguments. */
class Zsh {
  readonly #shell: ReturnType<typeof spawn>;
  #text = '';
  #onText: () => void = () => {};

  constructor() {
    const folder = mkdtempSync(join(tmpdir(), 'litz-zsh-'));
    writeFileSync(join(folder, '_litz'), completionScript('zsh', root));
    const env = { ...process.env, TERM: 'dumb' };
    this.#shell = spawn('script', ['-qec', 'zsh -f -i', '/dev/null'], { env });
    this.#shell.stdout!.on('data', (chunk) => {
      this.#text += String(chunk);
      this.#onText();
    });
    const load = `fpath=(${folder} $fpath); autoload -U compinit; compinit -u -D`;
    this.#shell.stdin!.write(`${load}; litz() { print -r -- GOT:$*; }\n`);
  }

  /**
   * Types the words and Tab, waits until the line ends with `completed`, and runs the line. Returns
   * the arguments that the function `litz` got.
   */
  async complete(typed: string, completed: string): Promise<string | undefined> {
    this.#shell.stdin!.write('print REA""DY\n');
    await this.#says(/READY\r/);
    this.#text = '';
    this.#shell.stdin!.write(`${typed}\t`);
    await this.#says(new RegExp(`${completed.split(' ').at(-1)}`));
    this.#shell.stdin!.write('\n');
    await this.#says(/GOT:.*\r/);
    return /GOT:(.*?)\s*\r/.exec(this.#text)?.[1];
  }

  end(): void {
    this.#shell.kill('SIGKILL');
  }

  async #says(what: RegExp): Promise<void> {
    const deadline = AbortSignal.timeout(10_000);
    while (!what.test(this.#text)) {
      await new Promise<void>((resolve, reject) => {
        this.#onText = resolve;
        const fail = (): void => reject(new Error(`${what} is not in: ${this.#text}`));
        deadline.addEventListener('abort', fail, { once: true });
      });
    }
  }
}
