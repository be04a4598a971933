/**
 * Tests of the relations between prefixes.
 *
 * @module
 */
import { formatAddress, formatCidr, parseCidr } from '@litz/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  covers,
  hostPrefix,
  networkAddress,
  networkOf,
  overlaps,
} from '../../src/record/cidr-relations.ts';
import { RUNS } from '../records.ts';

describe('covers', () => {
  test.each([
    ['10.0.0.0/8', '10.1.2.0/24', true],
    ['10.1.2.0/24', '10.1.2.0/24', true],
    ['10.1.2.0/24', '10.0.0.0/8', false],
    ['10.1.2.0/23', '10.1.3.9/32', true],
    ['10.1.2.0/25', '10.1.2.128/25', false],
    ['0.0.0.0/0', '192.0.2.1/32', true],
    ['0.0.0.0/0', '::/0', false],
    ['fd00::/15', 'fd01::1/128', true],
    ['10.244.0.0/23', '10.244.2.0/24', false],
    ['::/0', '192.0.2.1/32', false],
    ['fd44::/49', 'fd44:0:0:1::/64', true],
    ['fd44::/49', 'fd44:0:8000::/64', false],
  ])('returns whether %s covers %s: %s', (outer, inner, expected) => {
    expect(covers(parseCidr(outer), parseCidr(inner))).toBe(expected);
  });
});

describe('overlaps', () => {
  test('is true exactly if two prefixes share an address, for all pairs in a small space', () => {
    fc.assert(
      fc.property(smallCidr(), smallCidr(), (a, b) => {
        expect(overlaps(a, b)).toBe(hosts(a).some((host) => hosts(b).includes(host)));
        expect(overlaps(a, b)).toBe(overlaps(b, a));
        expect(covers(a, b)).toBe(hosts(b).every((host) => hosts(a).includes(host)));
      }),
      { numRuns: RUNS },
    );
  });
});

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

describe('networkOf', () => {
  test.each([
    ['10.1.2.3/24', '10.1.2.0/24'],
    ['10.1.2.255/31', '10.1.2.254/31'],
    ['255.255.255.255/0', '0.0.0.0/0'],
    ['fd00::ffff:1/113', 'fd00::ffff:0/113'],
  ])('converts %s to %s, and does not change the argument', (text, network) => {
    const cidr = parseCidr(text);
    expect(formatCidr(networkOf(cidr))).toBe(network);
    expect(formatCidr(cidr)).toBe(text);
  });

  test('returns the same object if no bits must be cleared', () => {
    const cidr = parseCidr('10.1.2.0/24');
    expect(networkOf(cidr)).toBe(cidr);
  });
});

describe('hostPrefix', () => {
  test('returns the prefix of a single address', () => {
    expect(String(hostPrefix(new Uint8Array([192, 0, 2, 1])))).toBe('192.0.2.1/32');
  });
});

/** Prefixes inside 10.0.0.0/28, so that a test can check each address. */
function smallCidr(): fc.Arbitrary<{ address: Uint8Array; prefixLength: number }> {
  return fc
    .record({
      last: fc.integer({ min: 0, max: 15 }),
      prefixLength: fc.integer({ min: 28, max: 32 }),
    })
    .map(({ last, prefixLength }) => ({
      address: new Uint8Array([10, 0, 0, last]),
      prefixLength,
    }));
}

function hosts(cidr: { address: Uint8Array; prefixLength: number }): number[] {
  const first = networkOf(cidr).address[3];
  return Array.from({ length: 2 ** (32 - cidr.prefixLength) }, (_, i) => first + i);
}
