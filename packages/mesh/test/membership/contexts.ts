/**
 * The context of node `n0`, which is this node in the tests.
 *
 * @module
 */
import { parseCidr } from '@litz/core';
import type { MembershipContext } from '../../src/membership/membership-context.ts';
import { keyOf } from '../records.ts';

export function contextOf(change: Partial<MembershipContext> = {}): MembershipContext {
  return {
    ownName: 'n0',
    ownKeys: [keyOf(0)],
    ownAddresses: ['192.0.2.100', '2001:db8::100'],
    ownPrefixes: [parseCidr('10.244.0.0/24')],
    registryAddresses: ['198.51.100.7'],
    servicePrefixes: [parseCidr('10.96.0.0/12')],
    clusterPrefixes: [parseCidr('10.244.0.0/16'), parseCidr('fd00::/40')],
    nodePrefixes: [],
    ...change,
  };
}
