import { describe, expect, test } from 'vitest';
import { ageText, bytesText, countText, printable, rateText, shortened } from '../../page/words.js';

describe('ageText', () => {
  test.each([
    [-5, '0 s'],
    [0, '0 s'],
    [999, '0 s'],
    [1000, '1 s'],
    [59_999, '59 s'],
    [60_000, '1 min'],
    [200_000, '3 min 20 s'],
    [3_600_000, '1 h'],
    [3_605_000, '1 h'],
    [7_260_000, '2 h 1 min'],
    [86_400_000, '1 d'],
    [400 * 86_400_000 + 3_600_000, '400 d 1 h'],
  ])('writes %d ms as %s', (ms, text) => expect(ageText(ms)).toBe(text));
});

describe('rateText', () => {
  test.each([
    [0, '0 bit/s'],
    [1, '8 bit/s'],
    [124, '992 bit/s'],
    [124.99, '1.0 kbit/s'],
    [125, '1.0 kbit/s'],
    [12_500, '100 kbit/s'],
    [1.25e9, '10.0 Gbit/s'],
    [1e15, '8000 Tbit/s'],
  ])('writes %d bytes per second as %s', (rate, text) => expect(rateText(rate)).toBe(text));
});

describe('bytesText', () => {
  test.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1_048_575, '1.0 MiB'],
    [500_000_000, '477 MiB'],
  ])('writes %d as %s', (bytes, text) => expect(bytesText(bytes)).toBe(text));
});

describe('countText', () => {
  test('uses the singular and the plural', () => {
    expect(countText(0, 'peer')).toBe('0 peers');
    expect(countText(1, 'peer')).toBe('1 peer');
    expect(countText(5000, 'peer')).toBe('5,000 peers');
  });
});

describe('printable', () => {
  test('leaves names as they are', () => {
    expect(printable('node-1.example')).toBe('node-1.example');
    expect(printable('knoten-ä-节点 <b>')).toBe('knoten-ä-节点 <b>');
  });

  test('replaces characters that would hide text or change its direction', () => {
    expect(printable('a\u202eb\u200bc\nd\u2028e')).toBe('a\u{fffd}b\u{fffd}c\u{fffd}d\u{fffd}e');
  });
});

describe('shortened', () => {
  test('keeps a short name', () => expect(shortened('node-1', 6)).toBe('node-1'));

  test('leaves out the middle of a name, because names differ at their ends', () => {
    expect(shortened('aks-nodepool1-12345678-vmss00000a', 20)).toBe('aks-nod…8-vmss00000a');
    expect(shortened('abcdef', 2)).toBe('…f');
    expect(shortened('abcdef', 1)).toBe('…');
  });

  test('does not cut a character in the middle', () => {
    expect(shortened('😀😀😀😀', 3)).toBe('…😀😀');
  });
});
