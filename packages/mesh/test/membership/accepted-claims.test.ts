/**
 * Tests which node holds a claim that another record names too.
 *
 * @module
 */
import { parseCidr } from '@litz/core';
import { describe, expect, test } from 'vitest';
import { AcceptedClaims } from '../../src/membership/accepted-claims.ts';
import type { NodeRecord } from '../../src/record/node-record.ts';
import { recordOf } from '../records.ts';

describe('AcceptedClaims', () => {
  test.each<[string, Partial<NodeRecord>, string, string]>([
    ['a key', { keys: recordOf(1).keys }, 'keys[0].publicKey', 'is the key of node n1'],
    ['an address', { addresses: ['192.0.2.1'] }, 'addresses[0]', 'is the address of node n1'],
    ['a prefix', prefixes('10.244.1.0/24'), 'prefixes[0]', 'the prefix of node n1'],
    ['a part of a prefix', prefixes('10.244.1.4/30'), 'prefixes[0]', 'the prefix of node n1'],
    ['a wider prefix', prefixes('10.244.0.0/16'), 'prefixes[0]', 'the prefix of node n1'],
    ['a second prefix', prefixes('10.9.0.0/24', '10.244.1.0/24'), 'prefixes[1]', 'of node n1'],
    [
      'an address in a prefix',
      { addresses: ['10.244.1.9'] },
      'addresses[0]',
      'in a prefix of node',
    ],
    ['a prefix over an address', prefixes('192.0.2.0/31'), 'prefixes[0]', 'covers 192.0.2.1'],
  ])('finds the holder of %s', (_what, claim, field, reason) => {
    const claims = holding(recordOf(1));
    const [clash] = [...claims.clashesOf(recordOf(2, claim))];
    expect(clash).toMatchObject({ field, holder: 'n1' });
    expect(clash.reason).toContain(reason);
  });

  test('finds every holder', () => {
    const claims = holding(recordOf(1), recordOf(2));
    const claim = recordOf(3, { keys: recordOf(1).keys, addresses: ['192.0.2.2'] });
    expect([...claims.clashesOf(claim)].map(({ holder }) => holder)).toEqual(['n1', 'n2']);
  });

  test('finds the other node whose prefix a node claims with a wider prefix, but not the node itself', () => {
    const claims = holding(recordOf(1), recordOf(2));
    const wider = recordOf(1, prefixes('10.244.0.0/16'));
    expect([...claims.clashesOf(wider)].map(({ holder }) => holder)).toEqual(['n2']);
  });

  test('accepts a node that changes its own claims', () => {
    const claims = holding(recordOf(1));
    expect([...claims.clashesOf(recordOf(1, prefixes('10.244.1.0/25')))]).toEqual([]);
  });

  test('accepts two nodes with one NAT address and different ports, unless one of the nodes encrypts its own packets', () => {
    const claims = holding(recordOf(1));
    const neighbour = recordOf(2, { addresses: ['192.0.2.1'], port: 51872 });
    expect([...claims.clashesOf(neighbour)]).toEqual([]);
    expect([...claims.clashesOf({ ...neighbour, encryptsNode: true })]).toHaveLength(1);
    claims.take(neighbour);
    claims.release('n1');
    expect([...claims.clashesOf(recordOf(3, prefixes('192.0.2.0/31')))]).toHaveLength(1);
  });

  test('releases all claims of a node, also prefixes that overlap', () => {
    const nested = recordOf(1, prefixes('10.244.1.0/25', '10.244.1.0/24', '10.244.1.0/24'));
    const claims = holding(nested);
    expect([...claims.clashesOf(recordOf(2, prefixes('10.244.1.200/32')))]).toHaveLength(1);
    claims.take(recordOf(1, prefixes('10.9.0.0/24')));
    expect([...claims.clashesOf({ ...nested, ...unlike(1), name: 'n2' })]).toEqual([]);
    claims.release('n1');
    claims.release('n1');
    expect([...claims.clashesOf(recordOf(1, { name: 'n2' }))]).toEqual([]);
  });
});

function holding(...records: NodeRecord[]): AcceptedClaims {
  const claims = new AcceptedClaims();
  for (const record of records) claims.take(record);
  return claims;
}

function prefixes(...texts: string[]): Partial<NodeRecord> {
  return { prefixes: texts.map(parseCidr) };
}

/** Returns a key and an address that the node with this number does not have. */
function unlike(number: number): Partial<NodeRecord> {
  const { keys, addresses } = recordOf(number + 100);
  return { keys, addresses };
}
