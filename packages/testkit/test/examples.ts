/**
 * `examplesIn`: the `@example`s of a source text.
 *
 * An example is a fenced block of TypeScript in a doc block. It is complete, so that a user can
 * paste it into an .mts file:
 *
 * ````
 * @example
 * ```ts
 * import { generateKeyPair } from '@litz/core';
 * console.log(generateKeyPair().publicKey.length); //=> 32
 * ```
 * ````
 *
 * @module
 */
import { parse } from '@babel/parser';

export interface Example {
  /** The line of the source text, from 1, on which the code begins. */
  readonly line: number;
  /** The code without the margin of the doc block; empty if a block of TypeScript is missing. */
  readonly code: string;
  /** Whether the code begins with `AS_ROOT`. */
  readonly needsRoot: boolean;
  /** All that the example prints, from its `//=>` comments; undefined if it has none. */
  readonly output: string | undefined;
}

/** The first line of an example that makes an interface, a namespace or a route. */
export const AS_ROOT = '// As root, on Linux.';

/** Returns the examples of all doc blocks of a source text, in their order. */
export function examplesIn(source: string): Example[] {
  const { comments } = parse(source, { sourceType: 'module', plugins: ['typescript'] });
  return (comments ?? [])
    .filter(({ type, value }) => type === 'CommentBlock' && value.startsWith('*'))
    .flatMap(({ value, loc }) => examplesOf(value, loc?.start.line ?? 1));
}

/** @param first the line of the source text on which the comment begins */
function examplesOf(comment: string, first: number): Example[] {
  const lines = comment.split('\n').map((line) => line.replace(/^\s*\* ?/, ''));
  return lines.flatMap((line, i) => {
    if (!/^@example\b/.test(line)) return [];
    const next = lines.findIndex((text, at) => at > i && /^@\w/.test(text));
    const begin = lines.findIndex((text, at) => at > i && text.trim() === '```ts');
    const isMissing = begin === -1 || (next !== -1 && next < begin);
    const end = isMissing ? i : lines.findIndex((text, at) => at > begin && text.trim() === '```');
    const code = isMissing ? [] : lines.slice(begin + 1, end);
    return [
      {
        line: first + (isMissing ? i : begin + 1),
        code: code.join('\n'),
        needsRoot: code[0] === AS_ROOT,
        output: outputOf(code),
      },
    ];
  });
}

function outputOf(code: readonly string[]): string | undefined {
  const printed = code.flatMap((line) => /\/\/=> (.*)$/.exec(line)?.slice(1) ?? []);
  return printed.length === 0 ? undefined : `${printed.join('\n')}\n`;
}
