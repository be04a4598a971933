import { formatAddress, parseCidr } from '@litz/core';
import { describe, expect, test } from 'vitest';
import { addressOfNumber, familyOf, rangeOf, rangesWithout } from '../../src/plan/prefix.ts';

describe('familyOf', () => {
  test('returns the family of the address', () => {
    expect(familyOf(parseCidr('10.0.0.0/8'))).toBe(4);
    expect(familyOf(parseCidr('fd00::/8'))).toBe(6);
  });
});

describe('rangeOf', () => {
  test('returns the range from the first to the last address', () => {
    expect(rangeOf(parseCidr('10.0.0.9/30'))).toEqual({ first: 0x0a000008n, last: 0x0a00000bn });
  });
});

describe('rangesWithout', () => {
  test.each([
    [['10.244.0.0/16'], ['10.244.1.0/24'], '10.244.0.0-10.244.0.255 10.244.2.0-10.244.255.255'],
    [['10.244.0.0/16'], ['10.244.0.0/24'], '10.244.1.0-10.244.255.255'],
    [['10.244.0.0/16'], ['10.244.255.0/24'], '10.244.0.0-10.244.254.255'],
    [['10.244.0.0/24', '10.244.1.0/24'], [], '10.244.0.0-10.244.1.255'],
    [['10.244.0.0/16', '10.244.3.0/24'], ['10.0.0.0/8'], ''],
    [
      ['10.1.0.0/16', '10.3.0.0/16'],
      ['10.2.0.0/16'],
      '10.1.0.0-10.1.255.255 10.3.0.0-10.3.255.255',
    ],
    [[], ['10.0.0.0/8'], ''],
  ])('%j without %j are %s', (prefixes, without, expected) => {
    const ranges = rangesWithout(prefixes.map(parseCidr), without.map(parseCidr));

    expect(ranges.map(({ first, last }) => `${textOf(first)}-${textOf(last)}`).join(' ')).toBe(
      expected,
    );
  });
});

describe('addressOfNumber', () => {
  test('has the most significant byte first', () => {
    expect(formatAddress(addressOfNumber(0xfd44n << 112n, 16))).toBe('fd44::');
  });
});

function textOf(number: bigint): string {
  return formatAddress(addressOfNumber(number, 4));
}
