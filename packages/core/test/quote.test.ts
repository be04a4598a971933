import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatKey, type PresharedKey } from '../src/index.ts';
import { printable, quote, redactKeys } from '../src/quote.ts';

/** Any 32 bytes. */
const keys = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => bytes as PresharedKey);
const toHex = (key: Uint8Array): string =>
  Array.from(key, (byte) => byte.toString(16).padStart(2, '0')).join('');

describe('redactKeys', () => {
  it('replaces a key at any position in a text', () => {
    fc.assert(
      fc.property(keys, fc.string(), fc.string(), (key, before, after) => {
        for (const form of [formatKey(key), toHex(key), toHex(key).toUpperCase()]) {
          const text = redactKeys(`${before}${form}${after}`);
          expect(text).not.toContain(form);
        }
      }),
    );
  });

  it('also replaces a key with one or two characters missing, or with more characters around it', () => {
    const base64 = 'yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=';
    const forms = [base64.slice(0, 43), base64.slice(0, 42), `${base64}=`, `x${base64}`];
    for (const form of forms) expect(redactKeys(`a ${form} b`)).toBe('a (a key, not shown) b');
    const hex = 'c809f3e5'.repeat(8);
    for (const form of [hex, hex.slice(1), `${hex}0`, `0x${hex}`]) {
      expect(redactKeys(`k=${form}`)).toBe('k=(a key, not shown)');
    }
  });

  it.each([
    'wg0.conf:3: ListenPort: expected 0 to 65535, got "70000"',
    '/home/Alice/projects/wireguard/configurations/of-mine/wg0.conf: no such file',
    'a.very.long.host.name.of.somebody.who.likes.long.names.example.org:51820',
    'c03c75fd1bd5a1ff2c8a4cdb9a2a5d7a6b1fbd11',
    'fd00:1234:5678:9abc:def0:1234:5678:9abc/128, fd00:1234:5678:9abc:def0:1234:5678:9abd/128',
  ])('does not change %j', (text) => {
    expect(redactKeys(text)).toBe(text);
  });
});

describe('quote', () => {
  it('shows input in quotes, without control characters', () => {
    expect(quote('a "b"\n\u001b[31m')).toBe(String.raw`"a \"b\"\n\u001b[31m"`);
  });

  it('shows 80 characters and marks that there were more', () => {
    expect(quote('x y'.repeat(2000))).toBe(`"${'x y'.repeat(2000).slice(0, 80)}..."`);
    expect(quote('é'.repeat(80))).toBe(`"${'é'.repeat(80)}"`);
  });

  it('shows no part of a key, even if the shown text ends within the key', () => {
    fc.assert(
      fc.property(keys, fc.nat(100), (key, before) => {
        const form = formatKey(key);
        const text = quote(`${' '.repeat(before)}${form}`);
        expect(text).not.toContain(form.slice(0, 8));
      }),
    );
  });
});

describe('a key in base64url', () => {
  it('is not shown by redactKeys', () => {
    const text = Buffer.from(Array.from({ length: 32 }, (_, i) => 255 - i * 3)).toString(
      'base64url',
    );
    expect(redactKeys(`got ${text}`)).not.toContain(text.slice(0, 20));
  });
});

describe('printable', () => {
  it('does not change readable text', () => {
    for (const text of ['', 'node n1: ok', 'ünï, 日本, 👍', '<b>"\\'])
      expect(printable(text)).toBe(text);
  });

  it.each([
    ['a colour', '\u001b[31mred', '\\u{1b}[31mred'],
    ['C1', '\u009b31m', '\\u{9b}31m'],
    ['a line end', 'one\r\ntwo', 'one\\u{d}\\u{a}two'],
    ['a Unicode line separator', 'one\u2028two', 'one\\u{2028}two'],
    ['a change of direction', '\u202egnp.exe', '\\u{202e}gnp.exe'],
    ['an invisible character', 'a\u200bb', 'a\\u{200b}b'],
    ['a lone surrogate', '\ud800', '\\u{d800}'],
  ])('shows %s as its code point', (_, text, shown) => expect(printable(text)).toBe(shown));
});
