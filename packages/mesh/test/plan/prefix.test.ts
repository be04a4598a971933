import { formatAddress, formatCidr, parseAddress, parseCidr } from '@litz/core';
import { describe, expect, test } from 'vitest';
import {
  addressOfNumber,
  covers,
  familyOf,
  hostPrefix,
  networkAddress,
  overlaps,
  rangeOf,
  rangesWithout,
} from '../../src/plan/prefix.ts';

describe('networkAddress', () => {
  test.each([
    ['10.244.1.7/24', '10.244.1.0'],
    ['10.244.255.255/23', '10.244.254.0'],
    ['10.1.2.3/32', '10.1.2.3'],
    ['10.1.2.3/0', '0.0.0.0'],
    ['fd44:0:0:1:ffff::1/64', 'fd44:0:0:1::'],
    ['fd44::ffff/121', 'fd44::ff80'],
  ])('of %s is %s', (prefix, network) => {
    expect(formatAddress(networkAddress(parseCidr(prefix)))).toBe(network);
  });
});

describe('covers', () => {
  test.each([
    ['10.244.0.0/16', '10.244.1.0/24', true],
    ['10.244.1.0/24', '10.244.0.0/16', false],
    ['10.244.1.0/24', '10.244.1.0/24', true],
    ['10.244.0.0/23', '10.244.2.0/24', false],
    ['0.0.0.0/0', '192.0.2.1/32', true],
    ['::/0', '192.0.2.1/32', false],
    ['fd44::/49', 'fd44:0:0:1::/64', true],
    ['fd44::/49', 'fd44:0:8000::/64', false],
  ])('%s covers %s: %s', (outer, inner, expected) => {
    expect(covers(parseCidr(outer), parseCidr(inner))).toBe(expected);
  });
});

describe('overlaps', () => {
  test('goes both ways', () => {
    const [wide, narrow] = [parseCidr('10.0.0.0/8'), parseCidr('10.1.0.0/16')];
    expect(overlaps(wide, narrow)).toBe(true);
    expect(overlaps(narrow, wide)).toBe(true);
    expect(overlaps(narrow, parseCidr('10.2.0.0/16'))).toBe(false);
  });
});

describe('familyOf', () => {
  test('goes by the address', () => {
    expect(familyOf(parseCidr('10.0.0.0/8'))).toBe(4);
    expect(familyOf(parseCidr('fd00::/8'))).toBe(6);
  });
});

describe('hostPrefix', () => {
  test('has the one address', () => {
    expect(formatCidr(hostPrefix(parseAddress('10.0.0.1')))).toBe('10.0.0.1/32');
    expect(formatCidr(hostPrefix(parseAddress('fd00::1')))).toBe('fd00::1/128');
  });
});

describe('rangeOf', () => {
  test('goes from the first to the last address', () => {
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
  test('has the most important byte first', () => {
    expect(formatAddress(addressOfNumber(0xfd44n << 112n, 16))).toBe('fd44::');
  });
});

function textOf(number: bigint): string {
  return formatAddress(addressOfNumber(number, 4));
}
