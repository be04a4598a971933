import { describe, expect, it } from 'vitest';
import { inBraces, matches } from '../mutation/checkout-copy.mjs';
import {
  count,
  fateOf,
  linesOf,
  mergeResults,
  mutantsOf,
  percent,
  shortfalls,
  slim,
  stoppedLines,
  survivingLines,
} from '../mutation/results.mjs';
import { relocate } from '../mutation/relocation.mjs';

describe('inBraces', () => {
  it('puts braces around calls and assignments, except around a single statement', () => {
    expect(inBraces('function f() {\n  a();\n  b.c = d;\n  return;\n}')).toBe(
      'function f() {\n  { a(); }\n  { b.c = d; }\n  return;\n}',
    );
    expect(inBraces('function f() {\n  a();\n}')).toBe('function f() {\n  a();\n}');
  });

  it('does not change super(), assignments in a constructor, and other kinds of statements', () => {
    const source =
      'class A extends B {\n  constructor() {\n    super();\n    this.a = 1;\n  }\n}\n' +
      'function f() {\n  const a = b();\n  a++;\n  return a;\n}';
    expect(inBraces(source)).toBe(source);
  });

  it('finds statements in cases, which have no block', () => {
    expect(inBraces('switch (a) {\n  case 1:\n    b();\n    break;\n}')).toBe(
      'switch (a) {\n  case 1:\n    { b(); }\n    break;\n}',
    );
  });
});

describe('mutantsOf', () => {
  it('returns the changed text, and its line without the added braces', () => {
    const source = 'a();\n  { wipe(key); }\nif (a) b();';
    expect(
      mutantsOf({
        files: {
          'packages/core/src/a.ts': {
            source,
            mutants: [mutant('Survived', '{}', 2, 3, 17), mutant('Killed', 'true', 3, 5, 6)],
          },
        },
      }),
    ).toMatchObject([
      { line: 2, text: 'wipe(key);', original: '{ wipe(key); }', replacement: '{}' },
      { line: 3, text: 'if (a) b();', original: 'a', replacement: 'true' },
    ]);
  });
});

describe('relocate', () => {
  const source = '// Old.\na();\nif (a) b(`x${c}`);';
  const mutants = [mutant('Survived', 'true', 3, 5, 6), mutant('Killed', '``', 3, 10, 17)];

  it('moves results to the places of the same code between other comments', () => {
    const present = '/** New, and longer. */\n\na(); // Why.\nif (a)\n  b(`x${c}`);';
    const moved = relocate({ source, mutants }, present);
    expect(moved).toMatchObject({ source: present });
    expect(mutantsOf({ files: { 'a.ts': moved! } })).toMatchObject([
      { line: 4, original: 'a', replacement: 'true', status: 'Survived' },
      { line: 5, original: '`x${c}`', replacement: '``', status: 'Killed' },
    ]);
  });

  it('moves nothing if the code has changed, even inside a string', () => {
    expect(relocate({ source, mutants }, source.replace('x', 'x '))).toBeUndefined();
    expect(relocate({ source, mutants }, source.replace('a();', ''))).toBeUndefined();
    expect(relocate({ source, mutants }, source.replace('if (a)', 'if (d)'))).toBeUndefined();
  });
});

describe('within', () => {
  it('is the function or method that contains a mutant', () => {
    const lines = [
      'export function first(a: number): void {',
      '  b();',
      '}',
      'class A {',
      '  #second(): void {',
      '    if (a) b();',
      '  }',
      '  get third(): number {',
      '    return b();',
      '  }',
      '  fourth(',
      '    a: number,',
      '  ): void {',
      '    b();',
      '  }',
      '  *#fifth(): Steps {',
      '    b();',
      '}',
      'export function* sixth(): Steps {',
      '  yield;',
      '}',
      'const a = b();',
    ];
    const report = {
      files: {
        'a.ts': { source: lines.join('\n'), mutants: [2, 6, 9, 14, 17, 20, 22].map(anyMutantAt) },
      },
    };
    expect(mutantsOf(report).map(({ within }) => within)).toEqual([
      'first',
      '#second',
      'third',
      'fourth',
      '#fifth',
      'sixth',
      '',
    ]);
  });
});

describe('survivingLines', () => {
  it('returns once each line with a survivor that is not listed as equivalent', () => {
    const file = 'packages/core/src/a.ts';
    const mutants = [
      mutant('Survived', 'true', 1, 5, 6),
      mutant('NoCoverage', 'false', 1, 5, 6),
      mutant('Killed', 'true', 2, 5, 6),
      mutant('Survived', 'true', 3, 5, 6),
    ];
    const report = {
      files: { [file]: { source: 'if (a) b();\nif (a) c();\nif (a) d();', mutants } },
    };
    expect(survivingLines(file, report, [])).toEqual(['1-1', '3-3']);
    const known = { ...KNOWN, line: 'if (a) d();', reason: '' };
    expect(survivingLines(file, report, [known])).toEqual(['1-1']);
  });
});

describe('survivingLines, for a mutant of several lines,', () => {
  it('returns the first and the last line of the mutant', () => {
    const source = 'if (a) {\n  b();\n}';
    const location = { start: { line: 1, column: 8 }, end: { line: 3, column: 2 } };
    const mutants = [{ ...mutant('Survived', '{}', 1, 8, 9), location }];
    const file = 'packages/core/src/a.ts';
    expect(survivingLines(file, { files: { [file]: { source, mutants } } }, [])).toEqual(['1-3']);
  });
});

describe('stoppedLines', () => {
  it('returns the lines of mutants that the timer stopped, except heads of loops', () => {
    const source = 'for (let i = 0; i < a; i++) b();\nif (a) c();\nwhile (a) c();\nif (d) e();';
    const mutants = [1, 2, 3].map((line) => mutant('Timeout', 'true', line, 5, 6));
    const file = 'packages/core/src/a.ts';
    const report = {
      files: { [file]: { source, mutants: [...mutants, mutant('Killed', 'true', 4, 5, 6)] } },
    };
    expect(stoppedLines(file, report)).toEqual(['2-2']);
  });
});

describe('linesOf', () => {
  const source = 'function a() {\n}\n\nexport function ab(\n  c: number,\n) {\n  d();\n}\n';

  it('returns the lines from the name of a function to its end', () => {
    expect([linesOf(source, 'a'), linesOf(source, 'ab')]).toEqual(['1-2', '4-8']);
  });

  it('throws for an unknown function', () => {
    expect(() => linesOf(source, 'b')).toThrow('no function b');
  });
});

describe('slim', () => {
  it('keeps the needed fields of a report, without the tests', () => {
    const kept = mutant('Killed', 'true', 1, 5, 6);
    const full = { ...kept, id: '7', coveredBy: ['1'], killedBy: ['1'], static: false };
    const report = { files: { a: { source: 'if (a) b();', language: 'ts', mutants: [full] } } };
    expect(slim(report)).toEqual({ files: { a: { source: 'if (a) b();', mutants: [kept] } } });
  });
});

describe('mergeResults', () => {
  it('keeps results that a later run does not have, and replaces all results of a changed file', () => {
    // The fields of a location have another order in Stryker's report than in a moved result.
    const [first, second] = [
      mutant('Survived', 'true', 1, 5, 6),
      {
        ...mutant('Survived', '{}', 1, 7, 8),
        location: { end: { column: 8, line: 1 }, start: { column: 7, line: 1 } },
      },
    ];
    const kept = {
      files: {
        same: { source: 'if (a) b();', mutants: [first, second] },
        changed: { source: 'old', mutants: [first, second] },
      },
    };
    mergeResults(kept, {
      files: {
        same: { source: 'if (a) b();', mutants: [mutant('Killed', '{}', 1, 7, 8)] },
        changed: { source: 'new', mutants: [mutant('Timeout', 'a', 1, 1, 2)] },
      },
    });
    const status = (name: 'same' | 'changed'): unknown =>
      kept.files[name].mutants.map((each) => (each as { status: string }).status);
    expect(status('same')).toEqual(['Survived', 'Killed']);
    expect(status('changed')).toEqual(['Timeout']);
    expect(kept.files.changed.source).toBe('new');
  });
});

describe('fateOf', () => {
  it.each([
    ['Killed', 'killed'],
    ['Timeout', 'killed'],
    ['Survived', 'survived'],
    ['NoCoverage', 'survived'],
    ['RuntimeError', undefined],
    ['Ignored', undefined],
  ])('returns for %s: %s', (status, fate) => {
    expect(fateOf(survivor({ status }), [])).toBe(fate);
  });

  it('returns `equivalent` for a listed survivor on any line, and for no other mutant', () => {
    const known = { ...KNOWN, within: 'f', reason: '' };
    expect(fateOf(survivor({ line: 99 }), [known])).toBe('equivalent');
    expect(fateOf(survivor({ status: 'Killed' }), [known])).toBe('killed');
    for (const other of [
      { file: 'packages/core/src/b.ts' },
      { text: 'if (c) b();' },
      { original: 'b' },
      { within: 'g' },
      { replacement: 'false' },
    ]) {
      expect(fateOf(survivor(other), [known])).toBe('survived');
    }
  });
});

describe('shortfalls', () => {
  const rules = { equivalents: [], critical: {}, leastShare: 0.9 };
  const killed = survivor({ status: 'Killed' });
  const tenth = [...Array.from({ length: 9 }, () => killed), survivor()];

  it('finds no shortfall at the wanted share', () => {
    expect(shortfalls({ one: tenth.slice(5), other: tenth.slice(0, 5) }, rules)).toEqual([]);
  });

  it('finds too small a share, and reports it', () => {
    expect(shortfalls({ all: tenth.slice(1) }, rules)).toEqual([
      '88.8 % of all mutants are killed, at least 90.0 % wanted',
    ]);
  });

  it('finds a shortfall if there are no results', () => {
    expect(shortfalls({}, rules)).toHaveLength(1);
  });

  it('finds every survivor in a critical place', () => {
    const critical = {
      wiping: { files: /\/a\.ts$/, lines: /^if/ },
      other: { files: /\/b\.ts$/ },
    };
    expect(shortfalls({ all: tenth }, { ...rules, critical })).toEqual([
      'wiping: packages/core/src/a.ts:3 `a` -> `true` survives',
    ]);
    const known = [{ ...KNOWN, within: 'f', reason: 'as good' }];
    // The entry is for the function f. So a killed mutant with the same text in g does not matter.
    const all = [survivor({ status: 'Killed', within: 'g' }), ...tenth];
    expect(shortfalls({ all }, { ...rules, critical, equivalents: known })).toEqual([]);
  });

  it('finds entries for equivalent mutants that are killed or do not exist', () => {
    const folders = { all: tenth.slice(0, 9) };
    expect(shortfalls(folders, { ...rules, equivalents: [{ ...KNOWN, reason: '' }] })).toEqual([
      'listed as equivalent and killed: packages/core/src/a.ts:3 `a` -> `true`',
    ]);
    const elsewhere = { ...KNOWN, file: 'core/src/unknown.ts', reason: '' };
    expect(shortfalls(folders, { ...rules, equivalents: [elsewhere] })).toEqual([]);
    const gone = { ...KNOWN, original: 'z', reason: '' };
    expect(shortfalls(folders, { ...rules, equivalents: [gone] })).toEqual([
      'no such mutant: core/src/a.ts: z',
    ]);
  });
});

describe('count', () => {
  it('counts each outcome', () => {
    const mutants = ['Killed', 'Survived', 'Survived', 'Ignored'].map((status) =>
      survivor({ status }),
    );
    expect(count(mutants, [])).toEqual({ killed: 1, survived: 2, equivalent: 0, stopped: 0 });
  });
});

describe('percent', () => {
  it('never rounds up', () => {
    expect([percent(1), percent(0.99999), percent(0.9), percent(0)]).toEqual([
      '100.0 %',
      '99.9 %',
      '90.0 %',
      '0.0 %',
    ]);
  });
});

const KNOWN = { file: 'core/src/a.ts', line: 'if (a) b();', original: 'a', replacement: 'true' };

function survivor(changes: object = {}): ReturnType<typeof mutantsOf>[number] {
  return {
    file: 'packages/core/src/a.ts',
    line: 3,
    text: 'if (a) b();',
    within: 'f',
    mutator: 'ConditionalExpression',
    original: 'a',
    replacement: 'true',
    status: 'Survived',
    ...changes,
  };
}

function anyMutantAt(line: number): object {
  return mutant('Killed', '', line, 5, 6);
}

function mutant(
  status: string,
  replacement: string,
  line: number,
  from: number,
  to: number,
): object {
  const location = { start: { line, column: from }, end: { line, column: to } };
  return { status, replacement, mutatorName: 'Any', location };
}

describe('matches', () => {
  it.each([
    ['a/b/x.ts', ['a/b/x.ts'], ['a/b/xyts', 'c/a/b/x.ts', 'a/b/x.tsx']],
    ['a/*.ts', ['a/x.ts', 'a/x.y.ts'], ['a/b/x.ts', 'a/x.js']],
    ['a/{x,y}.test.ts', ['a/x.test.ts', 'a/y.test.ts'], ['a/xy.test.ts', 'a/z.test.ts']],
    [
      'a/!(x|y).test.ts',
      ['a/z.test.ts', 'a/xy.test.ts'],
      ['a/x.test.ts', 'a/y.test.ts', 'a/b/z.test.ts'],
    ],
  ])('finds files by %s', (pattern, found, others) => {
    expect([...found, ...others].filter((file) => matches(pattern, file))).toEqual(found);
  });
});
