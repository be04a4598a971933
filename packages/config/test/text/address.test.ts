import { isIP } from 'node:net';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAddress, parseAddress, tryParseAddress } from '../../src/text/address.ts';
import { RUNS } from '../keys.ts';

describe('parseAddress', () => {
  it('reads IPv4 and IPv6', () => {
    expect(parseAddress('192.0.2.1')).toEqual(Uint8Array.of(192, 0, 2, 1));
    expect(parseAddress('::1')).toEqual(Uint8Array.of(...Array(15).fill(0), 1));
    expect(Array.from(parseAddress('2001:DB8::192.0.2.1')).slice(12)).toEqual([192, 0, 2, 1]);
  });

  it.each([
    '',
    '10.1',
    '010.0.0.1',
    '0x7f.0.0.1',
    '256.0.0.1',
    '1.2.3.4.5',
    ' 1.2.3.4',
    '1.2.3.4/32',
    ':',
    ':::',
    '1::2::3',
    'fe80::1%eth0',
    '::01.2.3.4',
    '12345::',
    'x',
  ])('refuses "%s"', (text) => {
    expect(() => parseAddress(text)).toThrow(
      expect.objectContaining({ code: 'ERR_LITZ_INVALID_ADDRESS' }),
    );
  });

  it('says what it expected', () => {
    expect(() => parseAddress('10.0.0')).toThrow('expected an IPv4 or IPv6 address, got "10.0.0"');
  });

  it('agrees with Node on what is an address', () => {
    fc.assert(
      fc.property(addressLike(), (text) => {
        expect(tryParseAddress(text)?.length ?? 0).toBe({ 0: 0, 4: 4, 6: 16 }[isIP(text)]);
      }),
      { numRuns: RUNS },
    );
  });
});

describe('formatAddress', () => {
  it.each([
    ['0:0:0:0:0:0:0:0', '::'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:0DB8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['1:0:0:0:0:0:0:0', '1::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['::ffff:c000:0201', '::ffff:192.0.2.1'],
    ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
  ])('writes %s as %s', (text, canonical) => {
    expect(formatAddress(parseAddress(text))).toBe(canonical);
  });

  it('is read again as it was', () => {
    const address = fc
      .constantFrom(4, 16)
      .chain((length) =>
        fc
          .array(fc.oneof(fc.constant(0), fc.nat(255)), { minLength: length, maxLength: length })
          .map((bytes) => Uint8Array.from(bytes)),
      );
    fc.assert(
      fc.property(address, (bytes) => {
        expect(parseAddress(formatAddress(bytes))).toEqual(bytes);
      }),
      { numRuns: RUNS },
    );
  });

  it('refuses other lengths', () => {
    expect(() => formatAddress(new Uint8Array(5))).toThrow(TypeError);
  });
});

function addressLike(): fc.Arbitrary<string> {
  const character = fc.constantFrom(...'0123456789abcdefF:.'.split(''));
  return fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.string({ unit: character, maxLength: 46, size: 'max' }),
    fc.tuple(fc.ipV6(), fc.ipV4()).map(([six, four]) => `${six}:${four}`),
  );
}
