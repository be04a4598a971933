/**
 * Tests of records that a node refuses because of its own settings.
 *
 * @module
 */
import { parseCidr } from '@litz/core';
import { describe, expect, test } from 'vitest';
import {
  reachableAddress,
  refusalInContext,
  type MembershipContext,
} from '../../src/membership/membership-context.ts';
import type { NodeRecord } from '../../src/record/node-record.ts';
import { recordOf } from '../records.ts';
import { contextOf } from './contexts.ts';

describe('refusalInContext', () => {
  test('accepts an ordinary node', () => {
    expect(refusalInContext(recordOf(1), contextOf())).toBeUndefined();
  });

  const anywhere = { clusterPrefixes: [] };
  test.each<[string, Partial<NodeRecord>, Partial<MembershipContext>, string, string]>([
    ['the own key', { keys: recordOf(0).keys }, {}, 'keys[0].publicKey', 'is the key of this node'],
    [
      'the own key as the second one',
      { keys: [recordOf(1).keys[0], recordOf(0).keys[0]] },
      {},
      'keys[1].publicKey',
      'is the key of this node',
    ],
    ['the own prefix', withPrefix('10.244.0.0/24'), {}, 'prefixes[0]', "this node's prefix"],
    [
      'a part of the own prefix',
      withPrefix('10.244.0.128/25'),
      {},
      'prefixes[0]',
      "this node's prefix",
    ],
    [
      'a prefix around the own prefix',
      withPrefix('10.244.0.0/16'),
      {},
      'prefixes[0]',
      "this node's prefix",
    ],
    [
      'a prefix of services',
      withPrefix('10.100.0.0/24'),
      anywhere,
      'prefixes[0]',
      'prefix of the services',
    ],
    [
      'a prefix over an own address',
      withPrefix('192.0.2.96/27'),
      anywhere,
      'prefixes[0]',
      'covers 192.0.2.100',
    ],
    [
      'a prefix over an own IPv6 address',
      withPrefix('2001:db8::/64'),
      anywhere,
      'prefixes[0]',
      '2001:db8::100',
    ],
    [
      'a prefix over the registry',
      withPrefix('198.51.100.0/24'),
      anywhere,
      'prefixes[0]',
      'of the registry',
    ],
    [
      "a prefix over the other node's own address",
      withPrefix('192.0.2.0/28'),
      anywhere,
      'prefixes[0]',
      'of the node itself',
    ],
    [
      'a prefix outside the cluster prefix',
      withPrefix('8.8.8.0/24'),
      {},
      'prefixes[0]',
      "outside the cluster's",
    ],
    [
      "an own address as the other node's address",
      { addresses: ['192.0.2.100'] },
      {},
      'addresses[0]',
      'this node',
    ],
    ['an address in the own prefix', { addresses: ['10.244.0.7'] }, {}, 'addresses[0]', 'is in'],
    ['an address of a service', { addresses: ['10.96.0.1'] }, {}, 'addresses[0]', 'of services'],
    [
      'an address outside the node prefixes',
      { addresses: ['8.8.8.8'] },
      { nodePrefixes: [parseCidr('192.0.2.0/24')] },
      'addresses[0]',
      '8.8.8.8 is outside the prefix of the nodes, 192.0.2.0/24',
    ],
    ['an address of a pod', { addresses: ['10.244.9.9'] }, {}, 'addresses[0]', "the cluster's"],
    [
      'only IPv6 addresses if this node has only IPv4 addresses',
      { addresses: ['2001:db8::1'] },
      { ownAddresses: ['192.0.2.100'] },
      'addresses',
      'has only IPv6 addresses',
    ],
    [
      'only IPv4 addresses if this node has only IPv6 addresses',
      { addresses: ['192.0.2.1'] },
      { ownAddresses: ['2001:db8::100'] },
      'addresses',
      'has only IPv4 addresses',
    ],
  ])('refuses %s', (_what, record, context, field, reason) => {
    const refusal = refusalInContext(recordOf(1, record), contextOf(context));
    expect(refusal).toMatchObject({ field });
    expect(refusal?.reason).toContain(reason);
    expect(refusal?.holder).toBeUndefined();
  });

  test('accepts any prefix if the cluster prefix is not known', () => {
    const record = recordOf(1, withPrefix('203.0.113.0/24'));
    expect(refusalInContext(record, contextOf(anywhere))).toBeUndefined();
  });
});

describe('reachableAddress', () => {
  const both = ['2001:db8::1', '192.0.2.1'];
  test('returns the first address of a family that this node has', () => {
    expect(reachableAddress(both, contextOf())).toBe('2001:db8::1');
    expect(reachableAddress(both, contextOf({ ownAddresses: ['192.0.2.100'] }))).toBe('192.0.2.1');
    expect(reachableAddress(both, contextOf({ ownAddresses: [] }))).toBeUndefined();
  });
});

function withPrefix(text: string): Partial<NodeRecord> {
  return { prefixes: [parseCidr(text)] };
}
