/**
 * Tests of the settings that a node may publish about itself.
 *
 * @module
 */
import { parseCidr } from '@litz/core';
import { describe, expect, test } from 'vitest';
import { checkOwnNode, type OwnNodeClaim } from '../../src/record/own-node.ts';

const GOOD: OwnNodeClaim = {
  name: 'n1',
  addresses: ['192.0.2.1', '2001:db8::1'],
  prefixes: [parseCidr('10.244.1.0/24'), parseCidr('fd00:244:0:1::/64')],
  clusterPrefixes: [parseCidr('10.244.0.0/16'), parseCidr('fd00:244::/48')],
  servicePrefixes: [parseCidr('10.96.0.0/12')],
  nodePrefixes: [parseCidr('192.0.2.0/24'), parseCidr('2001:db8::/64')],
};

describe('checkOwnNode', () => {
  test.each<[string, Partial<OwnNodeClaim>]>([
    ['complete settings', {}],
    [
      'settings that are not known yet',
      { prefixes: [], clusterPrefixes: [], servicePrefixes: [], nodePrefixes: [] },
    ],
    ['a wide cluster', { clusterPrefixes: [parseCidr('10.0.0.0/8'), parseCidr('fd00::/16')] }],
  ])('accepts %s', (_, change) => expect(() => checkOwnNode({ ...GOOD, ...change })).not.toThrow());

  test.each<[string, Partial<OwnNodeClaim>, string, RegExp]>([
    ['no name', { name: '' }, 'name', /is not a valid node name: expected/],
    ['a path as a name', { name: '../x' }, 'name', /is not a valid node name/],
    ['no address', { addresses: [] }, 'addresses', /expected 1 to 2 values/],
    ['0.0.0.0', { addresses: ['0.0.0.0'] }, 'addresses[0]', /it is unspecified/],
    ['loopback', { addresses: ['127.0.0.1'] }, 'addresses[0]', /it is loopback/],
    ['multicast', { addresses: ['192.0.2.1', 'ff02::1'] }, 'addresses[1]', /it is multicast/],
    [
      'an address of a service',
      { addresses: ['10.96.0.1'] },
      'addresses',
      /is in the prefix of the services/,
    ],
    [
      'an address outside the node prefixes',
      { addresses: ['8.8.8.8'] },
      'addresses',
      /is outside the prefix of the nodes/,
    ],
    [
      'node prefixes with every address',
      { nodePrefixes: [parseCidr('0.0.0.0/0')] },
      'nodePrefixes',
      /every address/,
    ],
    [
      'a pod prefix with every address',
      { prefixes: [parseCidr('0.0.0.0/0')] },
      'prefixes',
      /contains every address/,
    ],
    [
      'the prefix of a whole cluster',
      { prefixes: [parseCidr('10.0.0.0/8')] },
      'prefixes',
      /too short/,
    ],
    [
      'a prefix with bits after its length',
      { prefixes: [parseCidr('10.244.1.1/24')] },
      'prefixes',
      /its network is 10.244.1.0/,
    ],
    [
      'a pod prefix over the own address',
      { prefixes: [parseCidr('192.0.2.0/24')] },
      'prefixes',
      /covers 192.0.2.1/,
    ],
    [
      'a pod prefix outside the cluster',
      { prefixes: [parseCidr('10.9.1.0/24')] },
      'prefixes',
      /is outside the cluster/,
    ],
    [
      'a pod prefix of services',
      { prefixes: [parseCidr('10.97.0.0/24')] },
      'prefixes',
      /prefix of the services/,
    ],
    [
      'cluster prefixes with every address',
      { clusterPrefixes: [parseCidr('::/0')] },
      'clusterPrefixes',
      /every address/,
    ],
    [
      'a loopback cluster prefix',
      { clusterPrefixes: [parseCidr('127.0.0.0/8')] },
      'clusterPrefixes',
      /are loopback/,
    ],
    [
      'a cluster prefix over the own address',
      { clusterPrefixes: [parseCidr('192.0.0.0/16')] },
      'clusterPrefixes',
      /covers 192/,
    ],
  ])('refuses %s, and names the field', (_, change, field, reason) => {
    const check = (): void => checkOwnNode({ ...GOOD, ...change });
    expect(check).toThrow(expect.objectContaining({ name: 'RecordError', field }));
    expect(check).toThrow(reason);
  });
});
