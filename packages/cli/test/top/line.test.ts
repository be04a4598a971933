import { describe, expect, it } from 'vitest';
import { paintLine } from '../../src/top/line.ts';

describe('paintLine', () => {
  it('cuts the text, not the colours', () => {
    const line = [
      ['good', 'abc'],
      ['bad', 'def'],
    ] as const;
    expect(paintLine(line, 4, { colors: true })).toBe('\x1b[32mabc\x1b[0m\x1b[31md\x1b[0m');
    expect(paintLine(line, 4, { colors: false })).toBe('abcd');
  });

  it('fills a line with spaces if the whole line has a style', () => {
    const options = { colors: true, base: 'chosen' } as const;
    expect(paintLine([['plain', '…b']], 4, options)).toBe('\x1b[7m…b\x1b[0m\x1b[7m  \x1b[0m');
    expect(paintLine([['plain', 'ab']], 4, { ...options, colors: false })).toBe('ab');
  });
});
