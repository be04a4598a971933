import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromByteText, toByteText } from '../../src/text/byte-text.ts';

describe('toByteText and fromByteText', () => {
  it('keep ASCII, and write other characters as the bytes of UTF-8', () => {
    expect(toByteText('vpn.example:51820')).toBe('vpn.example:51820');
    expect(toByteText('büro')).toBe('b\u00c3\u00bcro');
    expect(fromByteText('b\u00c3\u00bcro')).toBe('büro');
  });

  it('give the same text again when one converts the result of the other', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const bytes = toByteText(text);
        expect(Buffer.from(bytes, 'latin1').toString('utf8')).toBe(text);
        expect(fromByteText(bytes)).toBe(text);
      }),
    );
  });

  it('read the bytes also if a decoder took them for windows-1252', () => {
    // In UTF-8, the first text is e2 82 ac, and the second is c3 9f. For 82 and for 9f,
    // windows-1252 has characters above U+00FF.
    expect(fromByteText('\u00e2\u201a\u00ac')).toBe('€');
    expect(fromByteText('\u00c3\u0178')).toBe('ß');
  });

  it.each(['\u00fc', '\u00c3', '\u65e5', '%\u00ff'])('refuse %j, which is not UTF-8', (bytes) => {
    expect(fromByteText(bytes)).toBeUndefined();
  });

  it('keep a percent sign', () => {
    expect(fromByteText(toByteText('100%41'))).toBe('100%41');
  });

  it('refuse half of a surrogate pair', () => {
    expect(() => toByteText('\ud800')).toThrow(URIError);
  });
});
