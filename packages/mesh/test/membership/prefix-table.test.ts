/**
 * Tests which owners a `PrefixTable` finds for a prefix.
 *
 * @module
 */
import { formatCidr, parseCidr, type Cidr } from '@litz/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PrefixTable } from '../../src/membership/prefix-table.ts';
import { networkOf, overlaps } from '../../src/record/cidr-relations.ts';
import { RUNS } from '../records.ts';

describe('PrefixTable', () => {
  test('finds the owners of prefixes inside and around a prefix, and no others', () => {
    const table = new PrefixTable();
    table.add(parseCidr('10.1.0.0/24'), 'a');
    table.add(parseCidr('10.1.2.0/25'), 'b');
    table.add(parseCidr('fd00::/64'), 'c');
    const ownersOf = (text: string): string[] => [...table.owners(parseCidr(text))];
    expect(ownersOf('10.1.0.7/32')).toEqual(['a']);
    expect(ownersOf('10.1.0.0/16')).toEqual(['a', 'b']);
    expect(ownersOf('10.1.1.0/24')).toEqual([]);
    expect(ownersOf('10.1.2.128/25')).toEqual([]);
    expect(ownersOf('::/0')).toEqual(['c']);
    expect(ownersOf('0.0.0.0/0')).toEqual(['a', 'b']);
  });

  test('refuses a prefix that overlaps another one, and removes only the exact prefix', () => {
    const table = new PrefixTable();
    table.add(parseCidr('10.1.0.0/24'), 'a');
    expect(() => table.add(parseCidr('10.1.0.128/25'), 'b')).toThrow(RangeError);
    table.remove(parseCidr('10.1.0.0/25'));
    table.remove(parseCidr('10.1.0.0/23'));
    expect(table.size).toBe(1);
    table.remove(parseCidr('10.1.0.9/24'));
    expect(table.isFree(parseCidr('10.1.0.0/16'))).toBe(true);
  });

  test('gives the same answers as a linear search', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(smallCidr(), fc.boolean())), smallCidr(), (steps, asked) => {
        const table = new PrefixTable();
        const list = new Map<string, Cidr>();
        for (const [cidr, isAdded] of steps) {
          const isFree = [...list.values()].every((other) => !overlaps(other, cidr));
          expect(table.isFree(cidr)).toBe(isFree);
          if (isAdded && isFree) {
            table.add(cidr, formatCidr(networkOf(cidr)));
            list.set(formatCidr(networkOf(cidr)), cidr);
          } else if (!isAdded) {
            table.remove(cidr);
            list.delete(formatCidr(networkOf(cidr)));
          }
        }
        const expected = [...list].filter(([, cidr]) => overlaps(cidr, asked)).map(([id]) => id);
        expect([...table.owners(asked)].toSorted()).toEqual(expected.toSorted());
      }),
      { numRuns: RUNS },
    );
  });
});

function smallCidr(): fc.Arbitrary<Cidr> {
  return fc
    .record({
      last: fc.nat(31),
      prefixLength: fc.integer({ min: 26, max: 32 }),
      isV6: fc.boolean(),
    })
    .map(({ last, prefixLength, isV6 }) => {
      const address = new Uint8Array(isV6 ? 16 : 4);
      address[address.length - 1] = last;
      return { address, prefixLength: isV6 ? prefixLength + 96 : prefixLength };
    });
}
