import { describe, expect, it } from 'vitest';
import { bestOf, matrixOf, ratio, splitBySubjects, type Row } from '../../src/report/matrix.ts';
import { SECTIONS } from '../../src/report/section.ts';
import type { Measurement } from '../../src/results/result.ts';

describe('bestOf', () => {
  it.each([
    ['Mbit/s', 3],
    ['1/s', 3],
    ['ms', 2],
    ['MB', 2],
    ['%', undefined],
  ])('returns the best value in %s', (unit, best) => {
    expect(bestOf(twoOfThree(unit), ['a', 'b', 'c'])).toBe(best);
  });

  it('returns undefined without a measurement', () => {
    expect(bestOf(twoOfThree('ms'), ['c', 'd'])).toBeUndefined();
  });
});

describe('ratio', () => {
  it.each([
    [undefined, 1],
    [1, undefined],
    [1, 0],
  ])('of %s and %s is undefined', (numerator, denominator) => {
    expect(ratio(numerator, denominator)).toBeUndefined();
  });
});

describe('splitBySubjects', () => {
  it('groups rows that have the same subjects, and keeps the order of the rows', () => {
    const matrix = matrixOf([
      of('x', 'a', 'ns', 1),
      of('x', 'b', 'ns', 2),
      of('y', 'litz', 'ns', 3),
      of('z', 'b', 'ns', 4),
      of('z', 'a', 'ns', 5),
    ]);
    const parts = splitBySubjects(matrix).map(({ subjects, rows }) => [
      subjects,
      rows.map(({ figure }) => figure),
    ]);
    expect(parts).toEqual([
      [
        ['a', 'b'],
        ['x', 'z'],
      ],
      [['litz'], ['y']],
    ]);
  });
});

describe('SECTIONS', () => {
  it('compare Litz with the best peer: the one with the highest rate, or with the shortest delay', () => {
    const matrix = matrixOf([
      of('speed', 'litz', 'Mbit/s', 6),
      of('speed', 'one', 'Mbit/s', 4),
      of('speed', 'two', 'Mbit/s', 5),
      of('delay', 'litz', 'ms', 6),
      of('delay', 'one', 'ms', 4),
      of('delay', 'two', 'ms', 5),
    ]);
    const best = SECTIONS.peers.ratios(matrix).at(-1)!;
    expect(best.title).toBe('litz / best peer');
    expect(matrix.rows.map((row) => best.of(row))).toEqual([6 / 5, 6 / 4]);
  });

  it('compare each version of Node.js with the first one, and leave out wireguard-go', () => {
    const matrix = matrixOf([
      of('speed, litz', 'Node 20.20.2', 'Mbit/s', 4),
      of('speed, litz', 'Node 22.0.0', 'Mbit/s', 5),
      of('speed, litz', 'wireguard-go', 'Mbit/s', 9),
    ]);
    const ratios = SECTIONS.nodes.ratios(matrix);
    expect(ratios.map(({ title }) => title)).toEqual(['Node 22.0.0 / Node 20.20.2']);
    expect(ratios[0].of(matrix.rows[0])).toBe(1.25);
  });
});

/** Returns a row in which subject a has 2, b has 3, and c was not measured. */
function twoOfThree(unit: string): Row {
  return matrixOf([of('x', 'a', unit, 2), of('x', 'b', unit, 3), of('x', 'c', unit, null)]).rows[0];
}

function of(figure: string, subject: string, unit: string, value: number | null): Measurement {
  return { figure, subject, unit, value };
}
