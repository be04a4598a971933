import { parseEndpoint, parsePresharedKey, PresharedKey } from '@litz/core';
import { describe, expect, it } from 'vitest';
import {
  checkTexts,
  formatInteger,
  formatOffOr,
  formatSecret,
  parseIpNumber,
  parseWgEndpoint,
  splitWords,
  tryParseWithNetmask,
} from '../../src/wg-quick/field-values.ts';

describe('splitWords', () => {
  it('splits at commas and blanks, and ignores extra ones', () => {
    expect(splitWords(' a,b  c ,, d,')).toEqual(['a', 'b', 'c', 'd']);
    expect(splitWords('')).toEqual([]);
  });
});

describe('tryParseWithNetmask', () => {
  it.each([
    ['10.0.0.1/255.255.255.0', 24],
    ['10.0.0.1/0.0.0.0', 0],
    ['10.0.0.1/255.255.255.255', 32],
    ['10.0.0.1/255.254.0.0', 15],
  ])('reads %s', (text, prefixLength) => {
    const address = Uint8Array.of(10, 0, 0, 1);
    expect(tryParseWithNetmask(text)).toEqual({ address, prefixLength });
  });

  it.each(['10.0.0.1', '10.0.0.1/255.0.255.0', '10.0.0.1/24', '::1/255.0.0.0', '1/2/3'])(
    'refuses %s',
    (text) => expect(tryParseWithNetmask(text)).toBeUndefined(),
  );
});

describe('parseIpNumber', () => {
  it('reads decimal and hexadecimal numbers up to the limit', () => {
    expect([parseIpNumber('0', 9), parseIpNumber('0x9', 9), parseIpNumber('10', 9)]).toEqual([
      0,
      9,
      undefined,
    ]);
  });

  it('refuses a leading zero, because the ip command reads such a number as octal', () => {
    expect(parseIpNumber('010', 99)).toBeUndefined();
  });
});

describe('parseWgEndpoint', () => {
  it.each([
    ['::1:51820', '[::1]:51820'],
    ['[192.0.2.1]:51820', '192.0.2.1:51820'],
    ['[fd00::1]:1', '[fd00::1]:1'],
  ])('reads %s as %s', (text, wanted) =>
    expect(parseWgEndpoint(text)).toEqual(parseEndpoint(wanted)),
  );

  it('reads a host name with brackets', () => {
    expect(parseWgEndpoint('[vpn.example.org]:1')).toEqual({ host: 'vpn.example.org', port: 1 });
  });

  it.each(['', '51820', '[::1]', '::1'])('refuses %j', (text) => {
    expect(parseWgEndpoint(text)).toBeUndefined();
  });
});

describe('formatInteger', () => {
  it('returns no line for a field that is not set, and checks the range', () => {
    expect(formatInteger(undefined, 'mtu', 1, 9)).toEqual([]);
    expect(formatInteger(9, 'mtu', 1, 9)).toEqual(['9']);
    expect(() => formatInteger(10, 'mtu', 1, 9)).toThrow(RangeError);
    expect(() => formatInteger(null, 'mtu', 1, 9)).toThrow('"mtu" expected an integer');
  });
});

describe('formatOffOr', () => {
  it('returns off for 0 only', () => {
    expect(formatOffOr(['0', '10', '00'], (value) => `<${value}>`)).toEqual([
      'off',
      '<10>',
      '<00>',
    ]);
  });
});

describe('checkTexts', () => {
  it('returns the texts, and names the first that does not match', () => {
    expect(checkTexts(['a', 'b'], 'dns', /^\w$/)).toEqual(['a', 'b']);
    expect(() => checkTexts(['a', 'b c'], 'dns', /^\w$/)).toThrow(
      '"dns[1]" expected text that fits into a line, got "b c"',
    );
    expect(() => checkTexts('a', 'dns', /^\w$/)).toThrow('"dns" expected an array');
  });
});

describe('formatSecret', () => {
  it('returns the text of a key and leaves the key unchanged', () => {
    const key = parsePresharedKey(new Uint8Array(32).fill(7));
    const text = key.toBase64();
    expect(formatSecret(parsePresharedKey, key, 'presharedKey')).toBe(text);
    expect(key.toBase64()).toBe(text);
  });

  it('names the field of a wrong key', () => {
    const wrong = new PresharedKey(3);
    expect(() => formatSecret(parsePresharedKey, wrong, 'presharedKey')).toThrow('"presharedKey":');
  });
});
