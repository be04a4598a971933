import { describe, expect, it } from 'vitest';
import {
  ageText,
  printable,
  roundTripText,
  shortKey,
  shortNumber,
  sizeText,
  sparkline,
} from '../../src/top/words.ts';

describe('shortNumber', () => {
  it.each([
    [0, '0'],
    [0.04, '0.0'],
    [7.55, '7.5'],
    [99.96, '100'],
    [999, '999'],
    [999.5, '1.0k'],
    [12_345, '12.3k'],
    [999_499, '999k'],
    [1e9, '1.0G'],
    [1e19, '10000P'],
  ])('writes %d as %s', (value, text) => expect(shortNumber(value)).toBe(text));
});

describe('sizeText', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1024 * 1023.6, '1.0 MiB'],
    [2 ** 40 * 200, '200 TiB'],
  ])('writes %d bytes as %s', (bytes, text) => expect(sizeText(bytes)).toBe(text));
});

describe('ageText', () => {
  it.each([
    [-5, '0s'],
    [59_999, '59s'],
    [60_000, '1m00s'],
    [3_599_999, '59m59s'],
    [7_260_000, '2h01m'],
    [86_400_000 * 400 + 3_600_000, '400d01h'],
  ])('writes %d ms as %s', (ms, text) => expect(ageText(ms)).toBe(text));
});

describe('roundTripText', () => {
  it.each([
    [undefined, '-'],
    [0.416, '0.42ms'],
    [9.996, '10.0ms'],
    [12.34, '12.3ms'],
    [140, '140ms'],
    [1234, '1.2s'],
  ])('writes %d ms as %s', (ms, text) => expect(roundTripText(ms)).toBe(text));
});

describe('shortKey', () => {
  it('shortens keys as the log does', () => {
    const key = 'xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=';
    expect(shortKey(key, '…')).toBe('xTIB…p8Dg');
  });
});

describe('printable', () => {
  it('replaces every character that a terminal would obey', () => {
    expect(printable('a\x1b[31mb\nc\u202ed\u009b')).toBe('a?[31mb?c?d?');
  });
});

describe('sparkline', () => {
  it('shows the newest values, and never a small value as 0', () => {
    expect(sparkline([9, 0, 1, 50, 100], 4, '_123')).toBe('_123');
    expect(sparkline([0, 0], 4, '_123')).toBe('__');
    expect(sparkline([], 4, '_123')).toBe('');
  });
});
