import { isIP } from 'node:net';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAddress, isMapped, parseAddress, tryParseAddress } from '../../src/text/address.ts';

const RUNS = Number(process.env['FC_NUM_RUNS'] ?? 300);

describe('parseAddress', () => {
  it('reads IPv4 and IPv6', () => {
    expect(parseAddress('192.0.2.1')).toEqual(Uint8Array.of(192, 0, 2, 1));
    expect(parseAddress('::1')).toEqual(Uint8Array.of(...Array(15).fill(0), 1));
    expect(Array.from(parseAddress('2001:DB8::192.0.2.1')).slice(12)).toEqual([192, 0, 2, 1]);
  });

  it.each([
    ['::1.2.3.4', '00000000000000000000000001020304'],
    ['::0.1.0.0', '00000000000000000000000000010000'],
    ['::ffff:1.2.3.4', '00000000000000000000ffff01020304'],
    ['::ffff:0:1.2.3.4', '0000000000000000ffff000001020304'],
    ['0:0:0:0:0:0:1.2.3.4', '00000000000000000000000001020304'],
    ['1:2:3:4:5:6:1.2.3.4', '00010002000300040005000601020304'],
    ['1::1.2.3.4', '00010000000000000000000001020304'],
    ['1:2:3:4:5::1.2.3.4', '00010002000300040005000001020304'],
    ['1:2:3:4:5:6:7::', '00010002000300040005000600070000'],
    ['::2:3:4:5:6:7:8', '00000002000300040005000600070008'],
    ['1::8', '00010000000000000000000000000008'],
  ])('reads %s', (text, hex) => {
    expect(Buffer.from(parseAddress(text)).toString('hex')).toBe(hex);
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
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '::1:2:3:4:5:6:7:8',
    '1:2:3:4::5:6:7:8',
    '1:2:3:4:5:6:7:1.2.3.4',
    '1:2:3:4:5:6::1.2.3.4',
    '1:2:3:4:5:1.2.3.4',
    '1.2.3.4::',
    '1:1.2.3.4::5',
    '::1.2.3.4:5',
    '::1.2.3',
    '::1.2.3.4.5',
    '::ffff:1.2.3.256',
    '::a.1.1.1',
    '1:',
    ':1',
    '1:::2',
    '::1 ',
    ' ::1',
    '::1\n',
    '[::1]',
    '::g',
    '::0x1',
    '1.2.3.',
    '.1.2.3',
    '1..2.3',
    '1.2.3.4a',
    '1.2.3.\u0664',
    'x',
  ])('refuses "%s"', (text) => {
    expect(() => parseAddress(text)).toThrow(
      expect.objectContaining({ code: 'ERR_LITZ_INVALID_ADDRESS' }),
    );
  });

  it('names the expected format in the error', () => {
    expect(() => parseAddress('10.0.0')).toThrow('expected an IPv4 or IPv6 address, got "10.0.0"');
  });

  it('agrees with Node.js about valid addresses', () => {
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
    ['::c000:0201', '::192.0.2.1'],
    ['::1:0', '::0.1.0.0'],
    ['::ffff', '::ffff'],
    ['::ffff:0:0', '::ffff:0.0.0.0'],
    ['::ffff:0:c000:201', '::ffff:0:c000:201'],
    ['0:1:0:1:0:1:0:1', '0:1:0:1:0:1:0:1'],
    ['0:0:1:1:1:1:0:0', '::1:1:1:1:0:0'],
    ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
  ])('writes %s as %s', (text, canonical) => {
    expect(formatAddress(parseAddress(text))).toBe(canonical);
  });

  it('writes a text that gives the same address when it is parsed', () => {
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

  it('refuses other lengths and other types', () => {
    expect(() => formatAddress(new Uint8Array(5))).toThrow(
      '"address" expected 4 or 16 bytes, got 5',
    );
    expect(() => formatAddress('::1' as never)).toThrow('"address" expected a Uint8Array, got');
  });
});

describe('tryParseAddress', () => {
  it('accepts only strings, up to the length of the longest address', () => {
    for (const other of [undefined, null, 5, ['::1'], new Uint8Array(4)]) {
      expect(tryParseAddress(other as never)).toBeUndefined();
    }
    const longest = '1111:2222:3333:4444:5555:6666:255.255.255.255';
    expect(tryParseAddress(longest)).toHaveLength(16);
    expect(tryParseAddress('1.2.3.4.5')).toBeUndefined();
    expect(tryParseAddress('1:2:3:4:5:6:7:8:9')).toBeUndefined();
    expect(tryParseAddress('1:2:3:4:5:6:7:')).toBeUndefined();
  });
});

describe('isMapped', () => {
  it('is true only for addresses in ::ffff:0:0/96', () => {
    const mapped = Uint8Array.of(...Array(10).fill(0), 255, 255, 192, 0, 2, 1);
    expect(isMapped(mapped)).toBe(true);
    for (let i = 0; i < 12; i++) {
      const other = mapped.slice();
      other[i] ^= 1;
      expect(isMapped(other)).toBe(false);
    }
    expect(isMapped(mapped.subarray(0, 12))).toBe(false);
    expect(isMapped(Uint8Array.of(255, 255, 0, 0))).toBe(false);
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
