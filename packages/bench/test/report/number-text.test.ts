import { describe, expect, it } from 'vitest';
import { markdownTable } from '../../src/report/markdown.ts';
import { numberText, ratioText, slug } from '../../src/report/number-text.ts';

describe('numberText', () => {
  it.each([
    [0, '0'],
    [0.09612, '0.0961'],
    [4.417, '4.42'],
    [352.4, '352'],
    [999.6, '1,000'],
    [19_612.4, '19,612'],
  ])('writes %d as %s', (value, text) => {
    expect(numberText(value)).toBe(text);
  });
});

describe('ratioText', () => {
  it('writes two digits after the point', () => {
    expect([ratioText(1.5), ratioText(0.125), ratioText(20)]).toEqual(['1.50', '0.13', '20.00']);
  });
});

describe('slug', () => {
  it('keeps lower-case letters and digits, and joins them by dashes', () => {
    expect([slug('Mbit/s'), slug('1/s'), slug('µs per GB!')]).toEqual([
      'mbit-s',
      '1-s',
      's-per-gb',
    ]);
  });
});

describe('markdownTable', () => {
  it('escapes characters that would end a cell', () => {
    const columns = [
      { title: 'a', align: 'left' as const },
      { title: 'b', align: 'right' as const },
    ];
    expect(markdownTable(columns, [['x|y', '1\n2']])).toBe(
      '| a | b |\n| --- | ---: |\n| x\\|y | 1 2 |',
    );
  });
});
